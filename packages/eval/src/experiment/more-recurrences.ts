import type { Reasoner } from '@subtext/reasoner';

import { EvaluationError } from '../errors';
import { memorySamples } from '../results/memory-samples';
import { scoreOf } from '../results/sample-record';
import { evaluateTask } from '../run/evaluate-task';
import { reasonerModel } from '../run/reasoner-model';
import type { LoadedTask } from '../tasks/registry';

/** What a recurrent model scores with a number of recurrences. */
export interface ScoreByRecurrences {
  recurrences: number;
  score: number;
}

/**
 * Asks a recurrent model with several numbers of recurrences, fewer and more than it was trained with.
 *
 * @throws EvaluationError invalid-option for a reasoner without recurrences
 */
export async function measureRecurrences({
  reasoner,
  loaded,
  counts,
  metric,
  batch = 64,
  onProgress,
  signal,
}: {
  reasoner: Reasoner;
  loaded: Pick<LoadedTask, 'task' | 'examples'>;
  /** Each a whole number from 1. */
  counts: readonly number[];
  metric: string;
  /** @default 64 */
  batch?: number;
  /** Called after each number of recurrences. */
  onProgress?: (progress: { done: number; total: number }) => void;
  signal?: AbortSignal;
}): Promise<ScoreByRecurrences[]> {
  if (reasoner.method.recurrences === undefined)
    throw new EvaluationError({
      code: 'invalid-option',
      message: `The method "${reasoner.method.name}" runs no core again; choose the method "recurrent".`,
    });
  const found: ScoreByRecurrences[] = [];
  for (const recurrences of counts) {
    const model = reasonerModel({ reasoner, recurrences, signal });
    const samples = await evaluateTask({ loaded, model, file: memorySamples(), batch, signal });
    found.push({ recurrences, score: samples.reduce((sum, one) => sum + scoreOf(one, metric), 0) / samples.length });
    onProgress?.({ done: found.length, total: counts.length });
  }
  return found;
}
