import { parseJson } from '@subtext/core';
import { readTextFile, writeFileAtomically } from '@subtext/core/node';
import {
  askedAsGraphs,
  evaluateInFolder,
  experimentMarkdown,
  findTask,
  formatTask,
  hashFolder,
  loadQuestions,
  openModel,
  type Questions,
  type SampleRecord,
  summarizeExperiment,
} from '@subtext/eval';
import { engineName } from '@subtext/tensor';
import { type Output, textTable, UsageError } from '@subtext/terminal';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import type { ExperimentConfiguration } from '../configuration/experiment-schema';
import { machineRecord } from '../machine-record';
import { type ExperimentTraining, experimentRuns } from './experiment-runs';
import { graphRun } from './graph-run';
import { trainRun } from './train-run';

/** Raised when `experiment.json` changes its shape. */
const FORMAT = 1;

/**
 * Carries out an experiment: trains every run that is not finished, asks each model the same questions, and writes tables
 * and tests. Started again it goes on where it was stopped.
 */
export async function runExperiment({
  path,
  experiment,
  command,
  dryRun = false,
  output,
  signal,
}: {
  /** The experiment's file. */
  path: string;
  experiment: ExperimentConfiguration;
  /** What was typed, for the result. */
  command: string;
  /** Lists the runs with what they will take, and writes nothing. @default false */
  dryRun?: boolean;
  output: Output;
  signal?: AbortSignal;
}): Promise<'finished' | 'stopped' | 'listed'> {
  const runs = await experimentRuns({ path, experiment });
  checkPairs({ runs, experiment });
  const loaded = await questionsOf(experiment);
  if (dryRun) {
    await listRuns({ runs, output, signal });
    return 'listed';
  }
  const finished: { run: ExperimentTraining; samples: SampleRecord[] }[] = [];
  for (const [index, run] of runs.entries()) {
    output.heading(`${index + 1}/${runs.length}: ${run.name}`);
    const { status, reasoner } = await trainOne({ run, output, signal });
    if (status === 'stopped') return 'stopped';
    const samples = await evaluateOne({ run, reasoner, loaded, experiment, output, signal });
    finished.push({ run, samples });
  }
  const metric = experiment.evaluation.metric ?? loaded.task.metrics[0]!.name;
  const summary = summarizeExperiment({
    runs: finished.map(({ run: { cell, seed }, samples }) => ({ cell, seed, samples })),
    metric,
    ...(experiment.compare === undefined ? {} : { pairs: experiment.compare }),
  });
  const result = {
    format: FORMAT,
    command,
    machine: machineRecord(),
    seeds: experiment.seeds,
    task: loaded.task.name,
    taskVersion: loaded.task.version,
    questions: loaded.examples.length,
    dataHash: loaded.dataHash,
    ...summary,
    runs: await Promise.all(finished.map((one) => runRecord({ ...one, metric }))),
  };
  await mkdir(experiment.output, { recursive: true });
  const [json, markdown] = ['experiment.json', 'experiment.md'].map((name) => join(experiment.output, name));
  await writeFileAtomically({ path: json!, data: `${JSON.stringify(result, null, 1)}\n` });
  const text = experimentMarkdown(summary);
  await writeFileAtomically({ path: markdown!, data: text });
  output.event({ event: 'experiment', ...result, path: json }, `\n${text}\n  results  ${json}\n  table    ${markdown}`);
  return 'finished';
}

/** A slip in a pair is told before hours of training, not after. */
function checkPairs({
  runs,
  experiment,
}: {
  runs: readonly ExperimentTraining[];
  experiment: ExperimentConfiguration;
}): void {
  const cells = [...new Set(runs.map(({ cell }) => cell))];
  const unknown = experiment.compare?.flat().find((cell) => !cells.includes(cell));
  if (unknown !== undefined)
    throw new UsageError(`compare: there is no "${unknown}" in this experiment; there are ${cells.join(', ')}.`);
}

async function questionsOf({ evaluation }: ExperimentConfiguration): Promise<Questions> {
  const { task: name, format, score, data, limit, metric } = evaluation;
  const task = name === undefined ? formatTask({ format: format!, score: score! }) : findTask(name);
  if (task.judge)
    throw new UsageError(`evaluation.task: "${task.name}" needs a judge, which an experiment does not ask.`);
  if (metric !== undefined && !task.metrics.some((one) => one.name === metric))
    throw new UsageError(
      `evaluation.metric: ${task.name} has no "${metric}"; it has ${task.metrics.map((one) => one.name).join(', ')}.`,
    );
  return await loadQuestions({ task, path: data, limit });
}

/** What each run takes; the seeds of a cell take the same. */
async function listRuns({
  runs,
  output,
  signal,
}: {
  runs: readonly ExperimentTraining[];
  output: Output;
  signal?: AbortSignal;
}): Promise<void> {
  const states = runs.map(({ folder }) => stateOf(folder));
  for (const [index, { name, cell, seed, folder }] of runs.entries())
    output.event({ event: 'planned', name, cell, seed, folder, state: states[index] });
  if (!output.json)
    output.notice(
      textTable({
        header: ['run', 'state', 'folder'],
        rows: runs.map(({ name, folder }, index) => [name, states[index]!, folder]),
      }),
    );
  const cells = [...new Set(runs.map(({ cell }) => cell))];
  for (const cell of cells) {
    const own = runs.filter((run) => run.cell === cell);
    const left = own.filter(({ folder }) => stateOf(folder) !== 'finished');
    const [run] = left;
    if (run === undefined) continue;
    output.heading(`${cell}: ${left.length} of ${own.length} runs are left, each takes`);
    const from = run.kind === 'text' ? run.configuration.model.from : undefined;
    const source = runs.find(({ folder }) => from?.startsWith(`${folder}/`));
    if (source && stateOf(source.folder) !== 'finished')
      output.event(
        { event: 'no-estimate', cell, after: source.name },
        `  no estimate: it starts from the model of ${source.name}, which is not trained yet`,
      );
    else await trainOne({ run, output, signal, dryRun: true });
  }
}

function stateOf(folder: string): 'finished' | 'begun' | 'waiting' {
  if (existsSync(join(folder, 'finished.json'))) return 'finished';
  return existsSync(join(folder, 'configuration.json')) ? 'begun' : 'waiting';
}

async function trainOne({
  run,
  output,
  dryRun = false,
  signal,
}: {
  run: ExperimentTraining;
  output: Output;
  dryRun?: boolean;
  signal?: AbortSignal;
}): Promise<{ status: 'finished' | 'stopped' | 'estimated'; reasoner: string }> {
  const { kind, configuration } = run;
  return kind === 'graphs'
    ? await graphRun({ configuration, output, dryRun, signal })
    : await trainRun({ configuration, output, label: run.name, dryRun, signal });
}

async function evaluateOne({
  run,
  reasoner: folder,
  loaded,
  experiment,
  output,
  signal,
}: {
  run: ExperimentTraining;
  /** The model's folder. */
  reasoner: string;
  loaded: Questions;
  experiment: ExperimentConfiguration;
  output: Output;
  signal?: AbortSignal;
}): Promise<SampleRecord[]> {
  const graphs = run.kind === 'graphs' && loaded.task.format !== undefined;
  try {
    return await evaluateInFolder({
      loaded: graphs ? askedAsGraphs(loaded) : loaded,
      folder: join(run.folder, 'evaluation'),
      modelHash: await hashFolder(folder),
      settings: { engine: engineName() },
      batch: experiment.evaluation.batch,
      signal,
      open: async () => {
        const model = await openModel({ folder, loaded: [loaded] });
        return { model: model.answering({ signal }), dispose: () => model.dispose() };
      },
      onProgress: ({ done, total, correct }) =>
        output.progress({
          label: `${run.name}: asking`,
          done,
          total,
          details: `${((100 * correct) / done).toFixed(1)} % right`,
        }),
    });
  } finally {
    output.endProgress();
  }
}

/** A run in the result: what it took, and its score of each question. */
async function runRecord({
  run: { name, cell, choices, seed, folder },
  samples,
  metric,
}: {
  run: ExperimentTraining;
  samples: readonly SampleRecord[];
  metric: string;
}): Promise<Record<string, unknown>> {
  const path = join(folder, 'finished.json');
  const trained = parseJson({ text: await readTextFile({ path, maximumBytes: 2 ** 20 }), name: path }) as Record<
    string,
    unknown
  >;
  const { fingerprint, steps, seconds, processorSeconds, machine } = trained;
  const scores = samples.map((sample) => sample[metric] as number);
  return {
    name,
    cell,
    choices,
    seed,
    fingerprint,
    steps,
    seconds,
    processorSeconds,
    machine,
    score: scores.reduce((sum, score) => sum + score, 0) / scores.length,
    // A digit a question where scores are right or wrong: small, and enough to test again.
    scores: scores.every((score) => score === 0 || score === 1) ? scores.join('') : scores,
  };
}
