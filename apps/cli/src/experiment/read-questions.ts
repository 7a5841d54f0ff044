import { generators, type GeneratorName } from '@subtext/data';
import { findTask, formatTask, loadQuestions, type Questions } from '@subtext/eval';
import { type Output, UsageError } from '@subtext/terminal';

import { dataFolder, type ExperimentConfiguration, filled } from './experiment-schema';

/** Generates the experiment's data where it is not there yet. */
export async function generateData({
  experiment,
  output,
  signal,
}: {
  experiment: ExperimentConfiguration;
  output: Output;
  signal?: AbortSignal;
}): Promise<void> {
  const { data } = experiment;
  if (data === undefined) return;
  if (!Object.hasOwn(generators, data.generate))
    throw new UsageError(
      `data.generate: there is no generator "${data.generate}"; there are ${Object.keys(generators).join(', ')}.`,
    );
  const { train, validation, test, seed, options } = data;
  await generators[data.generate as GeneratorName].write({
    folder: dataFolder(experiment),
    counts: Object.fromEntries(
      Object.entries({ train, validation, test }).flatMap(([split, count]) =>
        count === undefined ? [] : [[split, count] as const],
      ),
    ),
    seed,
    options,
    signal,
    onProgress: ({ written, total }) => output.progress({ label: 'writing examples', done: written, total }),
  });
  output.endProgress();
}

/** What every model is asked, and what checkpoints are chosen by. */
export interface ExperimentQuestions {
  asked: Questions;
  choice?: Questions;
}

/** @throws UsageError for a task that a judge scores, or that has not the metric */
export async function readQuestions(experiment: ExperimentConfiguration): Promise<ExperimentQuestions> {
  const { evaluation, choose } = experiment;
  const { task: name, format, score, limit, metric } = evaluation;
  const task = name === undefined ? formatTask({ format: format!, score: score! }) : findTask(name);
  if (task.judge)
    throw new UsageError(`evaluation.task: "${task.name}" needs a judge, which experiments do not support.`);
  if (metric !== undefined && !task.metrics.some((one) => one.name === metric))
    throw new UsageError(
      `evaluation.metric: ${task.name} has no "${metric}"; it has ${task.metrics.map((one) => one.name).join(', ')}.`,
    );
  const at = (path: string) => filled({ value: path, places: { data: dataFolder(experiment) } });
  return {
    asked: await loadQuestions({ task, path: at(evaluation.data), limit }),
    ...(choose === undefined
      ? {}
      : { choice: await loadQuestions({ task, path: at(choose.data), limit: choose.limit }) }),
  };
}
