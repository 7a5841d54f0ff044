import type { RandomStream } from '@subtext/tensor';
import { ModelError } from '../model-error';

export interface SamplingOptions {
  /** 0 takes the likeliest token; above, logits are divided by it. Default 0. */
  temperature?: number;
  /** Only the `topK` likeliest tokens are drawn from. Default all. */
  topK?: number;
  /** Only the likeliest tokens that together reach this probability are drawn from. Default 1, which is all. */
  topP?: number;
}

/** The index of the largest value; the first of equals. */
export function argumentOfMaximum(values: Float32Array): number {
  let best = 0;
  for (let index = 1; index < values.length; index++) {
    if ((values[index] as number) > (values[best] as number)) best = index;
  }
  return best;
}

/**
 * Draws a token from one row of logits: temperature, then top-k, then top-p (nucleus sampling, arXiv 1904.09751), in
 * transformers' order.
 */
export function sampleToken({ logits, temperature = 0, topK = Infinity, topP = 1, random }: SamplingOptions & { /** `[vocabulary]` */ logits: Float32Array; random: RandomStream }): number {
  if (temperature === 0) return argumentOfMaximum(logits);
  // Only the values are sorted, which is fast; the rank that is drawn tells which value, and ties go by id.
  const sorted = Float32Array.from(logits).sort().reverse();
  const largest = sorted[0] as number;
  if (Number.isNaN(largest)) throw new ModelError({ code: 'not-a-number', message: 'The logits hold values that are not numbers (NaN), so no token can be drawn. Are the weights whole, and do they hold finite numbers?' });
  const weights = Float64Array.from({ length: Math.max(1, Math.min(topK, sorted.length)) }, (_, rank) => Math.exp(((sorted[rank] as number) - largest) / temperature));
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
