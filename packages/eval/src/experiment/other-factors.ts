import { type Reasoner, withFactor } from '@subtext/reasoner';

import { memorySamples } from '../results/memory-samples';
import { scoreOf } from '../results/sample-record';
import { evaluateTask } from '../run/evaluate-task';
import { reasonerModel } from '../run/reasoner-model';
import type { LoadedTask } from '../tasks/registry';

/** What a reasoner of compressed thoughts scores with a compression factor. */
export interface ScoreByFactor {
  factor: number;
  score: number;
  /** Mean thoughts of an answer. */
  thoughts: number;
}

/**
 * Asks a reasoner with several compression factors (method `colar`).
 *
 * @throws ReasonerError untrained-factor; invalid-option for a method whose thoughts are not compressed
 */
export async function measureFactors({
  reasoner,
  loaded,
  factors,
  metric,
  batch = 64,
  onProgress,
  signal,
}: {
  reasoner: Reasoner;
  loaded: Pick<LoadedTask, 'task' | 'examples'>;
  factors: readonly number[];
  metric: string;
  /** @default 64 */
  batch?: number;
  /** Called after each factor. */
  onProgress?: (progress: { done: number; total: number }) => void;
  signal?: AbortSignal;
}): Promise<ScoreByFactor[]> {
  const asked = factors.map((factor) => ({ factor, reasoner: withFactor({ reasoner, factor }) }));
  const found: ScoreByFactor[] = [];
  for (const { factor, reasoner: own } of asked) {
    const model = reasonerModel({ reasoner: own, signal });
    const samples = await evaluateTask({ loaded, model, file: memorySamples(), batch, signal });
    const mean = (of: (sample: (typeof samples)[number]) => number) =>
      samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length;
    found.push({
      factor,
      score: mean((sample) => scoreOf(sample, metric)),
      thoughts: mean(({ thoughts }) => thoughts),
    });
    onProgress?.({ done: found.length, total: factors.length });
  }
  return found;
}
