import type { Activation, WeightLayout } from '../kernels/kernels';

/*
 * Float64 reference of every operation in plain loops, directly from its equation. Slow by design; shares no code with
 * the engines that are tested against it.
 */

/** erf by its all-positive series, exact to float64: 2/√π · e^(−x²) · Σ 2ⁿ·x²ⁿ⁺¹ / (2n+1)!!. */
function erf(x: number): number {
  if (Math.abs(x) > 6) {
    return Math.sign(x);
  }
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

export function activationReference(activation: Activation, x: number): number {
  switch (activation) {
    case 'none':
      return x;
    case 'gelu':
      return 0.5 * x * (1 + erf(x / Math.SQRT2));
    case 'gelu-tanh':
      return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
    case 'quick-gelu':
      return x / (1 + Math.exp(-1.702 * x));
    case 'silu':
      return x / (1 + Math.exp(-x));
    case 'relu':
      return Math.max(0, x);
    case 'tanh':
      return Math.tanh(x);
  }
}

export function linearReference({
  input,
  weight,
  bias,
  inWidth,
  outWidth,
  activation,
  layout,
}: {
  input: Float64Array;
  weight: Float64Array;
  bias?: Float64Array;
  inWidth: number;
  outWidth: number;
  activation: Activation;
  layout: WeightLayout;
}): Float64Array {
  const rows = input.length / inWidth;
  const output = new Float64Array(rows * outWidth);
  for (let row = 0; row < rows; row++) {
    for (let out = 0; out < outWidth; out++) {
      let sum = bias ? bias[out]! : 0;
      for (let i = 0; i < inWidth; i++) {
        sum += input[row * inWidth + i]! * weight[layout === 'out-in' ? out * inWidth + i : i * outWidth + out]!;
      }
      output[row * outWidth + out] = activationReference(activation, sum);
    }
  }
  return output;
}

export function attentionReference({
  query,
  key,
  value,
  mask,
  batch,
  queryTime,
  keyTime,
  heads,
  keyValueHeads,
  headWidth,
  causal,
  scale,
  maskPerQuery,
  softCap,
  window,
}: {
  query: Float64Array;
  key: Float64Array;
  value: Float64Array;
  mask?: Float64Array;
  batch: number;
  queryTime: number;
  keyTime: number;
  heads: number;
  keyValueHeads: number;
  headWidth: number;
  causal: boolean;
  scale: number;
  maskPerQuery: boolean;
  softCap?: number;
  window?: number;
}): Float64Array {
  const output = new Float64Array(batch * queryTime * heads * headWidth);
  for (let b = 0; b < batch; b++) {
    for (let head = 0; head < heads; head++) {
      const keyHead = Math.floor(head / (heads / keyValueHeads));
      for (let i = 0; i < queryTime; i++) {
        const queryAt = ((b * queryTime + i) * heads + head) * headWidth;
        const keyAt = (j: number) => ((b * keyTime + j) * keyValueHeads + keyHead) * headWidth;
        const seen: { j: number; score: number }[] = [];
        for (let j = 0; j < keyTime; j++) {
          const visible = !mask || mask[maskPerQuery ? (b * queryTime + i) * keyTime + j : b * keyTime + j] !== 0;
          const own = keyTime - queryTime + i;
          if (!visible || (causal && j > own) || (window !== undefined && j <= own - window)) {
            continue;
          }
          let score = 0;
          for (let d = 0; d < headWidth; d++) {
            score += query[queryAt + d]! * key[keyAt(j) + d]!;
          }
          score *= scale;
          seen.push({ j, score: softCap === undefined ? score : softCap * Math.tanh(score / softCap) });
        }
        const highest = Math.max(...seen.map(({ score }) => score));
        const total = seen.reduce((sum, { score }) => sum + Math.exp(score - highest), 0);
        for (const { j, score } of seen) {
          for (let d = 0; d < headWidth; d++) {
            output[queryAt + d]! += (Math.exp(score - highest) / total) * value[keyAt(j) + d]!;
          }
        }
      }
    }
  }
  return output;
}

export function layerNormReference({
  input,
  scale,
  bias,
  epsilon,
}: {
  input: Float64Array;
  scale: Float64Array;
  bias: Float64Array;
  epsilon: number;
}): Float64Array {
  return byRow(input, scale.length, (row) => {
    const mean = row.reduce((sum, x) => sum + x, 0) / row.length;
    const variance = row.reduce((sum, x) => sum + (x - mean) ** 2, 0) / row.length;
    return row.map((x, i) => ((x - mean) / Math.sqrt(variance + epsilon)) * scale[i]! + bias[i]!);
  });
}

export function rmsNormReference({
  input,
  scale,
  epsilon,
}: {
  input: Float64Array;
  scale: Float64Array;
  epsilon: number;
}): Float64Array {
  return byRow(input, scale.length, (row) => {
    const meanSquare = row.reduce((sum, x) => sum + x * x, 0) / row.length;
    return row.map((x, i) => (x / Math.sqrt(meanSquare + epsilon)) * scale[i]!);
  });
}

export function rotaryReference({
  input,
  cos,
  sin,
  batch,
  time,
  heads,
  headWidth,
  shared,
  dimensions = headWidth,
  layout = 'halves',
}: {
  input: Float64Array;
  cos: Float64Array;
  sin: Float64Array;
  batch: number;
  time: number;
  heads: number;
  headWidth: number;
  /** One table of angles for the whole batch. */
  shared: boolean;
  dimensions?: number;
  layout?: 'halves' | 'interleaved';
}): Float64Array {
  const half = dimensions / 2;
  const output = Float64Array.from(input);
  for (let b = 0; b < batch; b++) {
    for (let t = 0; t < time; t++) {
      for (let head = 0; head < heads; head++) {
        const at = ((b * time + t) * heads + head) * headWidth;
        for (let i = 0; i < half; i++) {
          const angle = ((shared ? 0 : b) * time + t) * half + i;
          const [first, second] = layout === 'halves' ? [at + i, at + i + half] : [at + 2 * i, at + 2 * i + 1];
          output[first] = input[first]! * cos[angle]! - input[second]! * sin[angle]!;
          output[second] = input[second]! * cos[angle]! + input[first]! * sin[angle]!;
        }
      }
    }
  }
  return output;
}

export function crossEntropyReference({
  logits,
  labels,
  vocabulary,
  ignoreIndex,
}: {
  logits: Float64Array;
  labels: Float64Array;
  vocabulary: number;
  ignoreIndex: number;
}): Float64Array {
  return labels.map((label, row) => {
    if (label === ignoreIndex) {
      return 0;
    }
    const scores = logits.subarray(row * vocabulary, (row + 1) * vocabulary);
    const highest = Math.max(...scores);
    return highest + Math.log(scores.reduce((sum, score) => sum + Math.exp(score - highest), 0)) - scores[label]!;
  });
}

export function rowsReference({
  table,
  ids,
  width,
}: {
  table: Float64Array;
  ids: Float64Array;
  width: number;
}): Float64Array {
  const output = new Float64Array(ids.length * width);
  ids.forEach((id, position) => output.set(table.subarray(id * width, (id + 1) * width), position * width));
  return output;
}

export function scatterRowsReference({
  input,
  updates,
  indices,
  width,
}: {
  input: Float64Array;
  updates: Float64Array;
  indices: readonly number[];
  width: number;
}): Float64Array {
  const output = Float64Array.from(input);
  indices.forEach((index, position) =>
    output.set(updates.subarray(position * width, (position + 1) * width), index * width),
  );
  return output;
}

function byRow(input: Float64Array, width: number, change: (row: Float64Array) => Float64Array): Float64Array {
  const output = new Float64Array(input.length);
  for (let at = 0; at < input.length; at += width) {
    output.set(change(input.subarray(at, at + width)), at);
  }
  return output;
}
