import type { RandomStream } from '@subtext/tensor';
import { notANumber } from './greedy-tokens';
import { checkSampling, type SamplingOptions } from './sampling-options';

/**
 * The index of the largest logit; the first of equals.
 *
 * @throws ModelError `not-a-number` where one is NaN or +∞, or none is above −∞
 */
export function argumentOfMaximum(logits: Float32Array): number {
  let best = 0;
  for (let index = 0; index < logits.length; index++) {
    const value = logits[index] as number;
    if (Number.isNaN(value) || value === Infinity) throw notANumber();
    if (value > (logits[best] as number)) best = index;
  }
  if (!Number.isFinite(logits[best])) throw notANumber();
  return best;
}

/**
 * Draws a token from one row of logits: temperature, then top-k, then top-p (nucleus sampling, arXiv 1904.09751), in
 * transformers' order.
 *
 * @throws ModelError `invalid-option`; `not-a-number` where a logit is NaN or +∞, or none is above −∞
 */
export function sampleToken({
  logits,
  temperature = 0,
  topK = Infinity,
  topP = 1,
  random,
}: SamplingOptions & { /** `[vocabulary]` */ logits: Float32Array; random: RandomStream }): number {
  checkSampling({ temperature, topK, topP });
  if (temperature === 0) return argumentOfMaximum(logits);
  // Only the values are sorted, which is fast; the rank that is drawn tells which value, and ties go by id.
  const sorted = Float32Array.from(logits).sort().reverse();
  const largest = sorted[0] as number;
  // NaN is sorted before all others.
  if (!Number.isFinite(largest)) throw notANumber();
  const weights = Float64Array.from({ length: Math.max(1, Math.min(topK, sorted.length)) }, (_, rank) =>
    Math.exp(((sorted[rank] as number) - largest) / temperature),
  );
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let kept = 0;
  let keptWeight = 0;
  while (kept < weights.length && (kept === 0 || keptWeight < topP * total)) keptWeight += weights[kept++] as number;
  let draw = random.uniform() * keptWeight;
  let rank = 0;
  for (; rank < kept - 1; rank++) {
    draw -= weights[rank] as number;
    if (draw < 0) break;
  }
  const value = sorted[rank] as number;
  let id = -1;
  for (let ties = rank - sorted.indexOf(value); ties >= 0; ties--) id = logits.indexOf(value, id + 1);
  return id;
}
