import { meanAndDeviation } from '@subtext/core';

import { minimize } from './minimize';

/**
 * Standardises states to mean 0 and deviation 1 over the training rows, flat: `[states · width]`; `apply` transforms
 * another state.
 */
export function standardize({
  states,
  training,
  width,
}: {
  states: readonly ArrayLike<number>[];
  training: readonly number[];
  width: number;
}): { features: Float64Array; apply: (state: ArrayLike<number>) => Float64Array } {
  const mean = new Float64Array(width);
  const scale = new Float64Array(width);
  for (let unit = 0; unit < width; unit++) {
    const { mean: middle, deviation } = meanAndDeviation(
      training.map((index) => (states[index] as ArrayLike<number>)[unit] as number),
    );
    mean[unit] = middle;
    // Constant features carry no information.
    scale[unit] = deviation > 1e-12 ? 1 / deviation : 0;
  }
  const apply = (state: ArrayLike<number>) =>
    mean.map((middle, unit) => ((state[unit] as number) - middle) * (scale[unit] as number));
  const features = new Float64Array(states.length * width);
  for (const [index, state] of states.entries()) features.set(apply(state), index * width);
  return { features, apply };
}

/** Fits weights `[classes, width + 1]`, the bias last, minimising mean cross-entropy plus penalty. */
export function fitRegression({
  features,
  width,
  targets,
  rows,
  classes,
  regularization,
  iterations,
}: {
  features: Float64Array;
  width: number;
  targets: Int32Array;
  rows: readonly number[];
  classes: number;
  regularization: number;
  iterations: number;
}): Float64Array {
  const stride = width + 1;
  const scores = new Float64Array(classes);
  const { point } = minimize({
    start: new Float64Array(classes * stride),
    iterations,
    objective: (weights, gradient) => {
      let loss = 0;
      for (const row of rows) {
        const start = row * width;
        let largest = -Infinity;
        for (let label = 0; label < classes; label++) {
          let sum = weights[label * stride + width] as number;
          for (let unit = 0; unit < width; unit++)
            sum += (weights[label * stride + unit] as number) * (features[start + unit] as number);
          scores[label] = sum;
          if (sum > largest) largest = sum;
        }
        let total = 0;
        for (let label = 0; label < classes; label++) total += Math.exp((scores[label] as number) - largest);
        loss += largest + Math.log(total) - (scores[targets[row] as number] as number);
        for (let label = 0; label < classes; label++) {
          const error =
            (Math.exp((scores[label] as number) - largest) / total - (label === targets[row] ? 1 : 0)) / rows.length;
          for (let unit = 0; unit < width; unit++)
            gradient[label * stride + unit] =
              (gradient[label * stride + unit] as number) + error * (features[start + unit] as number);
          gradient[label * stride + width] = (gradient[label * stride + width] as number) + error;
        }
      }
      loss /= rows.length;
      for (let place = 0; place < weights.length; place++) {
        if (place % stride === width) continue;
        const weight = weights[place] as number;
        loss += 0.5 * regularization * weight * weight;
        gradient[place] = (gradient[place] as number) + regularization * weight;
      }
      return loss;
    },
  });
  return point;
}

/** Index of the class with the highest score. */
export function argmaxClass({
  weights,
  features,
  width,
  classes,
}: {
  weights: Float64Array;
  features: Float64Array;
  width: number;
  classes: number;
}): number {
  let best = 0;
  let highest = -Infinity;
  for (let label = 0; label < classes; label++) {
    let sum = weights[label * (width + 1) + width] as number;
    for (let unit = 0; unit < width; unit++)
      sum += (weights[label * (width + 1) + unit] as number) * (features[unit] as number);
    if (sum > highest) {
      highest = sum;
      best = label;
    }
  }
  return best;
}
