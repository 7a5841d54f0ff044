import { Reasoner } from '@subtext/reasoner';

import { EvaluationError } from '../errors';
import { memorySamples } from '../results/memory-samples';
import { scoreOf } from '../results/sample-record';
import { evaluateTask } from '../run/evaluate-task';
import { reasonerModel } from '../run/reasoner-model';
import type { LoadedTask } from '../tasks/registry';
import { scoresByKind } from './scores-by-kind';

/** A model with a fixed number of thoughts in every question. */
export interface FewerThoughts {
  thoughts: number;
  score: number;
  byKind: Record<string, number>;
}

/**
 * Asks a model of continuous thoughts with 1 … N of them in every question, N being as many as it was trained with: what
 * each thought adds, and what it costs to decide itself.
 *
 * @throws EvaluationError invalid-option for a reasoner without a number of hidden steps
 */
export async function measureFewerThoughts({
  reasoner: { model, tokenizer, settings },
  loaded,
  metric,
  batch = 64,
  onProgress,
  signal,
}: {
  reasoner: Reasoner;
  loaded: Pick<LoadedTask, 'task' | 'examples'>;
  metric: string;
  /** @default 64 */
  batch?: number;
  /** Called after each number of thoughts. */
  onProgress?: (progress: { done: number; total: number }) => void;
  signal?: AbortSignal;
}): Promise<FewerThoughts[]> {
  const { hiddenSteps: most } = settings.method as { hiddenSteps?: number };
  if (most === undefined)
    throw new EvaluationError({
      code: 'invalid-option',
      message: `The method "${settings.method.name}" has no number of hidden steps to take fewer of; choose a method of continuous thoughts, such as coconut.`,
    });
  const found: FewerThoughts[] = [];
  for (let hiddenSteps = 1; hiddenSteps <= most; hiddenSteps++) {
    const reasoner = new Reasoner({
      model,
      tokenizer,
      settings: { ...settings, method: { name: 'coconut', hiddenSteps } },
    });
    const answering = reasonerModel({ reasoner, signal });
    const samples = await evaluateTask({ loaded, model: answering, file: memorySamples(), batch, signal });
    const score = samples.reduce((sum, sample) => sum + scoreOf(sample, metric), 0) / samples.length;
    found.push({ thoughts: hiddenSteps, score, byKind: scoresByKind({ samples, metric }) });
    onProgress?.({ done: hiddenSteps, total: most });
  }
  return found;
}
