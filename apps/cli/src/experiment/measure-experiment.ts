import { measureSuperposition, type Superposition } from '@subtext/decoder';
import {
  type AnswerSeconds,
  askedOf,
  chooseRuns,
  type ExperimentFindings,
  failingGraphs,
  hashExamples,
  hashFolder,
  keepOnce,
  measureSeconds,
  openReasoner,
  type Questions,
} from '@subtext/eval';
import type { Reasoner } from '@subtext/reasoner';
import { engineName } from '@subtext/tensor';
import { type Output, UsageError } from '@subtext/terminal';
import { join } from 'node:path';

import type { FinishedRun } from './carry-out-run';
import type { ExperimentConfiguration } from './experiment-schema';

/** What is measured over all runs: which seeds are chosen, how long answers take, what the chosen one's thoughts hold. */
export async function measureExperiment({
  finished,
  experiment,
  loaded,
  output,
  signal,
}: {
  finished: readonly FinishedRun[];
  experiment: ExperimentConfiguration;
  loaded: Questions;
  output: Output;
  signal?: AbortSignal;
}): Promise<Pick<ExperimentFindings, 'chosen' | 'seconds' | 'nodes' | 'failing'>> {
  const chosen = chooseRuns(finished.map(({ findings }) => findings));
  const examples = await hashExamples(loaded.examples);
  return {
    chosen,
    ...(experiment.seconds === undefined
      ? {}
      : { seconds: await secondsOf({ finished, experiment, loaded, examples, output, signal }) }),
    nodes: await nodesOf({ finished, chosen, cells: experiment.nodes ?? [], loaded, examples, output, signal }),
    failing: await failingOf({ finished, experiment, loaded }),
  };
}

async function failingOf({
  finished,
  experiment,
  loaded,
}: {
  finished: readonly FinishedRun[];
  experiment: ExperimentConfiguration;
  loaded: Questions;
}): Promise<NonNullable<ExperimentFindings['failing']>> {
  const metric = experiment.evaluation.metric ?? loaded.task.metrics[0]!.name;
  const found = await Promise.all(
    (experiment.failing ?? []).map((cell) =>
      failingGraphs({
        cell,
        runs: finished.filter(({ run }) => run.cell === cell),
        examples: loaded.examples,
        metric,
      }),
    ),
  );
  return found.filter((one) => one !== undefined);
}

async function secondsOf({
  finished,
  experiment,
  loaded,
  examples,
  output,
  signal,
}: {
  finished: readonly FinishedRun[];
  experiment: ExperimentConfiguration;
  loaded: Questions;
  examples: string;
  output: Output;
  signal?: AbortSignal;
}): Promise<Record<string, AnswerSeconds>> {
  const firsts = finished.filter(({ run }, index) => finished.findIndex((one) => one.run.cell === run.cell) === index);
  const hashes = await Promise.all(firsts.map(({ reasoner }) => hashFolder(reasoner)));
  return await keepOnce({
    path: join(experiment.output, 'seconds.json'),
    of: { hashes, examples, engine: engineName(), ...experiment.seconds },
    measure: async () => {
      output.progress({ label: 'taking the time of answers', done: 0, total: 1 });
      const models: Reasoner[] = [];
      try {
        for (const { reasoner } of firsts) models.push(await openReasoner({ folder: reasoner, loaded: [loaded] }));
        const { task, examples: asked } = askedOf({ reasoner: models[0]!, loaded });
        const questions = asked.map((example) => ({ question: task.prompt(example), image: example.image }));
        const seconds = await measureSeconds({ models, questions, ...experiment.seconds, signal });
        return Object.fromEntries(firsts.map(({ run }, index) => [run.cell, seconds[index]!]));
      } finally {
        output.endProgress();
        for (const model of models) model.dispose();
      }
    },
  });
}

async function nodesOf({
  finished,
  chosen,
  cells,
  loaded,
  examples,
  output,
  signal,
}: {
  finished: readonly FinishedRun[];
  chosen: ReturnType<typeof chooseRuns>;
  cells: readonly string[];
  loaded: Questions;
  examples: string;
  output: Output;
  signal?: AbortSignal;
}): Promise<NonNullable<ExperimentFindings['nodes']>> {
  const found: { cell: string; seed: number; superposition: Superposition }[] = [];
  for (const cell of cells) {
    // The chosen seed; without a choice the first, never the one that did best on these questions.
    const seed = chosen.find((one) => one.cell === cell)?.seed;
    const one = finished.find(({ run }) => run.cell === cell && (seed === undefined || run.seed === seed));
    if (one === undefined) throw new UsageError(`nodes: "${cell}" has no finished run.`);
    const superposition = await keepOnce({
      path: join(one.run.folder, 'nodes.json'),
      of: { model: await hashFolder(one.reasoner), examples, engine: engineName() },
      measure: async () => {
        const reasoner = await openReasoner({ folder: one.reasoner, loaded: [loaded] });
        try {
          return await measureSuperposition({
            reasoner,
            ...askedOf({ reasoner, loaded }),
            signal,
            onProgress: (at) => output.progress({ label: `${one.run.name}: what thoughts hold`, ...at }),
          });
        } finally {
          output.endProgress();
          reasoner.dispose();
        }
      },
    });
    found.push({ cell, seed: one.run.seed, superposition });
  }
  return found;
}
