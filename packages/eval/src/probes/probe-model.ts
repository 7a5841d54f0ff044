import { engineName } from '@subtext/tensor';

import { type MadeWith, madeWith } from '../run/evaluate-model';
import type { EvaluationListener } from '../run/evaluation-event';
import { askedOf, openReasoner } from '../run/open-model';
import { questionsOf, readableExamples } from '../tasks/questions-of';
import type { LoadedTask } from '../tasks/registry';
import { type ComparedFact, compareReasonerProbes } from './compare-reasoner-probes';

/** Options of {@link probeModel}. */
export interface ProbeModelOptions extends MadeWith {
  /** The reasoner's folder. */
  model: string;
  /** What it is asked. */
  loaded: Pick<LoadedTask, 'task' | 'examples' | 'faults' | 'dataHash'>;
  /** Names of the facts looked for, as `probeLabels` tells them. @default all */
  labels?: readonly string[];
  /** @default [0] */
  seeds?: readonly number[];
  /** Questions side by side. @default 32 */
  batch?: number;
  onEvent?: EvaluationListener;
  signal?: AbortSignal;
}

/** What probing a model found, as `probe.json` holds it. */
export interface ModelProbes {
  model: string;
  task: string;
  engine: string;
  /** Engine, processor, and Subtext's commit where it is known. */
  machine: Record<string, string | number>;
  versions: Record<string, string>;
  seeds: readonly number[];
  count: number;
  /** What was left out, with the reason: examples that could not be asked, facts that too few examples have. */
  left: string[];
  facts: ComparedFact[];
}

/**
 * Asks a model a task's questions and probes its thoughts for what the data knows, beside the baselines of
 * {@link compareReasonerProbes}.
 *
 * @throws EvaluationError as {@link compareReasonerProbes}; empty-set where no example can be asked
 */
export async function probeModel({
  model,
  loaded,
  labels,
  seeds = [0],
  batch = 32,
  machine,
  versions,
  onEvent,
  signal,
}: ProbeModelOptions): Promise<ModelProbes> {
  const reasoner = await openReasoner({ folder: model, loaded: [loaded] });
  try {
    const { task, examples: all } = askedOf({ reasoner, loaded });
    const { examples, left } = await readableExamples(all);
    const questions = questionsOf({ task, examples });
    const answers = await reasoner.think({
      questions,
      batchSize: batch,
      onProgress: (progress) => onEvent?.({ event: 'progress', label: 'answering', ...progress }),
      ...(signal && { signal }),
    });
    const found = await compareReasonerProbes({
      reasoner,
      examples,
      questions,
      answers,
      labels,
      seeds,
      batch,
      onProgress: ({ name: details, ...progress }) =>
        onEvent?.({ event: 'progress', label: 'probes', ...progress, details }),
      signal,
    });
    return {
      model,
      task: task.name,
      engine: engineName(),
      ...madeWith({ machine, versions }),
      seeds,
      count: examples.length,
      left: [...left.map(({ id, message }) => `${id}: ${message}`), ...found.left],
      facts: found.facts,
    };
  } finally {
    reasoner.dispose();
  }
}
