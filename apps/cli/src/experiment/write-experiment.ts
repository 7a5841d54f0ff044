import { readTextFile, writeFileAtomically } from '@subtext/core/node';
import { type ExperimentFindings, experimentMarkdown, experimentReport, type Questions } from '@subtext/eval';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { machineRecord } from '../machine-record';
import type { FinishedRun } from './carry-out-run';
import type { ExperimentConfiguration } from './experiment-schema';

/** Raised when `experiment.json` changes its shape. */
const FORMAT = 2;

/** What an experiment found, with the files that say it. */
export interface WrittenExperiment {
  result: Record<string, unknown>;
  markdown: string;
  /** By ending: `json`, `md`, `html`. */
  paths: Record<'json' | 'md' | 'html', string>;
}

/**
 * Writes `experiment.json`, `experiment.md` and `experiment.html` into the experiment's folder, and copies of them where
 * its page is asked for. Notes beside the page, `NAME-notes.md`, are appended to it.
 */
export async function writeExperiment({
  finished,
  findings,
  experiment,
  loaded,
  command,
}: {
  finished: readonly FinishedRun[];
  findings: ExperimentFindings;
  experiment: ExperimentConfiguration;
  loaded: Questions;
  /** What was typed. */
  command: string;
}): Promise<WrittenExperiment> {
  const { metric } = findings.summary;
  const machine = machineRecord();
  const { page } = experiment;
  const result = {
    format: FORMAT,
    command,
    made: { commit: machine.commit, date: new Date().toISOString().slice(0, 10) },
    machine,
    seeds: experiment.seeds,
    data: experiment.data,
    task: loaded.task.name,
    taskVersion: loaded.task.version,
    questions: loaded.examples.length,
    dataHash: loaded.dataHash,
    ...findings.summary,
    ...(findings.chosen!.length > 0 ? { chosen: findings.chosen } : {}),
    ...(findings.seconds === undefined ? {} : { answerSeconds: findings.seconds }),
    ...(findings.nodes!.length > 0 ? { nodes: findings.nodes } : {}),
    ...(findings.failing!.length > 0 ? { failing: findings.failing } : {}),
    runs: await Promise.all(finished.map((one) => runRecord({ ...one, metric }))),
  };
  const title = page?.title ?? 'Experiment';
  const markdown = experimentMarkdown(findings);
  const text = page?.text ?? [];
  const made = `Made by \`${command}\`.`;
  const data = {
    json: `${JSON.stringify(result, null, 1)}\n`,
    md: markdown,
    html: experimentReport({
      title,
      text: [...text, made],
      footer: `${made} ${machine.processor}, ${machine.threads} threads; ${machine.device ?? machine.engine}; Node ${machine.node}${machine.commit === null ? '' : `; commit ${machine.commit.slice(0, 10)}`}.`,
      findings,
    }),
  };
  const endings = ['json', 'md', 'html'] as const;
  const paths = Object.fromEntries(
    endings.map((ending) => [ending, join(experiment.output, `experiment.${ending}`)]),
  ) as WrittenExperiment['paths'];
  await mkdir(experiment.output, { recursive: true });
  for (const ending of endings) await writeFileAtomically({ path: paths[ending], data: data[ending] });
  if (page?.path !== undefined) {
    await mkdir(dirname(page.path), { recursive: true });
    const notes = `${page.path}-notes.md`;
    const words = [
      `# ${title}`,
      // Where a page of results says which code it is of.
      '<!-- made -->\n<!-- /made -->',
      made,
      ...text,
      markdown.trimEnd(),
      ...(existsSync(notes) ? [(await readTextFile({ path: notes })).trimEnd()] : []),
    ];
    for (const ending of endings)
      await writeFileAtomically({
        path: `${page.path}.${ending}`,
        data: ending === 'md' ? `${words.join('\n\n')}\n` : data[ending],
      });
  }
  return { result, markdown, paths };
}

/** A run in the result: what it took, what was measured of it, and its score of each question. */
async function runRecord({
  run: { choices, folder },
  samples,
  findings: { curve: _curve, ...findings },
  metric,
}: FinishedRun & { metric: string }): Promise<Record<string, unknown>> {
  const { fingerprint, machine, phases, graphs, leftOut } = JSON.parse(
    await readTextFile({ path: join(folder, 'finished.json'), maximumBytes: 2 ** 20 }),
  ) as Record<string, unknown>;
  const scores = samples.map((sample) => sample[metric] as number);
  return {
    ...findings,
    choices,
    fingerprint,
    machine,
    ...(graphs === undefined ? {} : { phases, graphs, leftOut }),
    // A digit a question where scores are right or wrong: small, and enough to test again.
    scores: scores.every((score) => score === 0 || score === 1) ? scores.join('') : scores,
  };
}
