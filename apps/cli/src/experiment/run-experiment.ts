import { firstTells, type Peers, shareOut } from '@subtext/core/node';
import { type Shard, summarizeExperiment } from '@subtext/eval';
import { type Output, UsageError } from '@subtext/terminal';
import { existsSync } from 'node:fs';

import { carryOutRun, type FinishedRun } from './carry-out-run';
import { type ExperimentTraining, experimentRuns } from './experiment-runs';
import { dataFolder, type ExperimentConfiguration } from './experiment-schema';
import { listRuns } from './list-runs';
import { measureExperiment } from './measure-experiment';
import { generateData, readQuestions } from './read-questions';
import { runGroups } from './run-groups';
import { runSideBySide } from './run-side-by-side';
import { writeExperiment } from './write-experiment';

/**
 * Carries out an experiment: generates its data, trains every run that is not finished, asks each model the same questions,
 * measures what else is asked for, and writes tables and tests. Started again it goes on where it was stopped.
 */
export async function runExperiment({
  path,
  experiment,
  command,
  words,
  include = [],
  dryRun = false,
  parallel = 1,
  only,
  shard,
  peers,
  output,
  signal,
}: {
  /** The experiment's file. */
  path: string;
  experiment: ExperimentConfiguration;
  /** What was typed, for the result. */
  command: string;
  /** The command line that carries out one run, whose name is added. */
  words: readonly string[];
  /** Modules that register what the runs need, run by now: their workers run them too. @default [] */
  include?: readonly string[];
  /** Lists the runs with what they will take, and writes nothing. @default false */
  dryRun?: boolean;
  /** Runs side by side, each in a process of its own; of 1 they are carried out here. @default 1 */
  parallel?: number;
  /** The name of the one run that is carried out, without tables. @default all */
  only?: string;
  /** The part of the runs that is carried out, without tables. @default all */
  shard?: Shard;
  /** The processes that share the runs, each with the same options; the first one writes the tables. @default this one by itself */
  peers?: Peers;
  output: Output;
  signal?: AbortSignal;
}): Promise<'finished' | 'stopped' | 'listed'> {
  const runs = await experimentRuns({ path, experiment, include });
  checkNames({ runs, experiment });
  if (dryRun) {
    const hasData = experiment.data === undefined || existsSync(dataFolder(experiment));
    if (hasData) await readQuestions(experiment);
    await listRuns({ runs, hasData, output, signal });
    return 'listed';
  }
  await firstTells({ peers, work: () => generateData({ experiment, output, signal }) });
  const questions = await readQuestions(experiment);
  const loaded = questions.asked;
  if (only !== undefined) {
    const run = runs.find(({ name }) => name === only);
    if (run === undefined) throw new UsageError(`There is no run "${only}" in this experiment.`);
    const done = await carryOutRun({ run, experiment, questions, output, signal });
    return done === undefined ? 'stopped' : 'finished';
  }
  if (parallel > 1 && !(await runSideBySide({ runs, parallel, words, output, signal }))) return 'stopped';
  const groups = runGroups(runs);
  const carryOutGroup = async (index: number): Promise<'finished' | 'stopped'> => {
    for (const run of groups[index]!) {
      if (signal?.aborted) return 'stopped';
      output.heading(run.name);
      if ((await carryOutRun({ run, experiment, questions, output, signal })) === undefined) return 'stopped';
    }
    return 'finished';
  };
  if (shard !== undefined) {
    for (let index = shard.number - 1; index < groups.length; index += shard.of)
      if ((await carryOutGroup(index)) === 'stopped') return 'stopped';
    return 'finished';
  }
  if (peers !== undefined && peers.size > 1) {
    const states = await shareOut({ peers, count: groups.length, work: carryOutGroup });
    if (states.includes('stopped')) return 'stopped';
    // All runs are in their folders now: the first process puts them together, and measures what needs the machine alone.
    if (peers.rank > 0) return 'finished';
  }
  const finished: FinishedRun[] = [];
  for (const [index, run] of runs.entries()) {
    output.heading(`${index + 1}/${runs.length}: ${run.name}`);
    const done = await carryOutRun({ run, experiment, questions, output, signal });
    if (done === undefined) return 'stopped';
    finished.push(done);
  }
  const summary = summarizeExperiment({
    runs: finished.map(({ run: { cell, seed }, samples }) => ({ cell, seed, samples })),
    metric: experiment.evaluation.metric ?? loaded.task.metrics[0]!.name,
    ...(experiment.compare === undefined ? {} : { pairs: experiment.compare }),
  });
  const findings = {
    summary,
    runs: finished.map(({ findings: found }) => found),
    ...(await measureExperiment({ finished, experiment, loaded, output, signal })),
  };
  const { result, markdown, paths } = await writeExperiment({ finished, findings, experiment, loaded, command });
  output.event(
    { event: 'experiment', ...result, path: paths.json },
    `\n${markdown}\n  results  ${paths.json}\n  table    ${paths.md}\n  report   ${paths.html}`,
  );
  return 'finished';
}

/** A slip in a name is told before hours of training, not after. */
function checkNames({
  runs,
  experiment: { compare, audit, fewerThoughts, drawn, recurrences, factors, nodes, failing },
}: {
  runs: readonly ExperimentTraining[];
  experiment: ExperimentConfiguration;
}): void {
  const cells = [...new Set(runs.map(({ cell }) => cell))];
  const named = {
    compare: compare?.flat(),
    'audit.of': audit?.of,
    fewerThoughts,
    'drawn.of': drawn?.of,
    'recurrences.of': recurrences?.of,
    'factors.of': factors?.of,
    nodes,
    failing,
  };
  for (const [key, names] of Object.entries(named)) {
    const unknown = names?.find((cell) => !cells.includes(cell));
    if (unknown !== undefined)
      throw new UsageError(`${key}: there is no "${unknown}" in this experiment; there are ${cells.join(', ')}.`);
  }
}
