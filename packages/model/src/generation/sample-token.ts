import type { RandomStream } from '@subtext/tensor';

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
  const order = Array.from({ length: logits.length }, (_, id) => id).sort((first, second) => (logits[second] as number) - (logits[first] as number) || first - second);
  const largest = logits[order[0] as number] as number;
  const candidates = order.slice(0, Math.max(1, Math.min(topK, order.length)));
  const weights = candidates.map((id) => Math.exp(((logits[id] as number) - largest) / temperature));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let kept = 0;
  let keptWeight = 0;
  while (kept < weights.length && (kept === 0 || keptWeight < topP * total)) keptWeight += weights[kept++] as number;
  let draw = random.uniform() * keptWeight;
  for (let index = 0; index < kept; index++) {
    draw -= weights[index] as number;
    if (draw < 0) return candidates[index] as number;
  }
  return candidates[kept - 1] as number;
}
