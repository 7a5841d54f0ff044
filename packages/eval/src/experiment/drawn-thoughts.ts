import type { ThoughtSampling } from '@subtext/reasoner';

import { memorySamples } from '../results/memory-samples';
import { scoreOf } from '../results/sample-record';
import { evaluateTask } from '../run/evaluate-task';
import type { OpenedModel } from '../run/open-model';

/**
 * How a reasoner answers with thoughts that are drawn by chance: the mean score over questions and draws.
 *
 * @throws EvaluationError invalid-option for a method whose thoughts cannot be drawn so
 */
export async function measureDrawnThoughts({
  model,
  thoughts,
  seeds,
  metric,
  batch,
  onProgress,
  signal,
}: {
  /** The model, with the one task that it is asked. */
  model: Pick<OpenedModel, 'loaded' | 'answering'>;
  thoughts: ThoughtSampling;
  /** Of the draws. */
  seeds: readonly number[];
  metric: string;
  /** Questions of a batch. @default 32 */
  batch?: number;
  onProgress?: (progress: { done: number; total: number }) => void;
  signal?: AbortSignal;
}): Promise<number> {
  let sum = 0;
  let count = 0;
  for (const [done, seed] of seeds.entries()) {
    onProgress?.({ done, total: seeds.length });
    const answering = model.answering({ thoughts, seed, signal });
    const samples = await evaluateTask({
      loaded: model.loaded[0]!,
      model: answering,
      file: memorySamples(),
      batch,
      signal,
    });
    for (const sample of samples) sum += scoreOf(sample, metric);
    count += samples.length;
  }
  return sum / count;
}
