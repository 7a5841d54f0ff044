import { meanAndDeviation, type MeanAndDeviation } from '@subtext/core';

import { euclideanNorm, type ThoughtStates } from './thought-states';
import { DecoderError } from '../errors';

/** Geometry of the thoughts at one position. */
export interface PlaceGeometry {
  place: number;
  norm: MeanAndDeviation;
  /** Mean cosine between the thoughts of different examples: near 1, the thought does not depend on the question. */
  cosineBetweenExamples: number;
  /**
   * Effective dimension of the thoughts: the participation ratio `(Σλ)² / Σλ²` of the covariance's eigenvalues λ; 0 if
   * all are equal.
   */
  dimensions: number;
}

/** Geometry of a set of thoughts. */
export interface ThoughtGeometry {
  places: PlaceGeometry[];
  /**
   * Mean cosine between the thoughts of one example, over examples with at least two; null if there are none. Near 1,
   * its thoughts have collapsed into one.
   */
  cosineWithinExample: number | null;
  examples: number;
}

/**
 * Norms and similarities of thoughts, to detect collapse.
 *
 * @throws DecoderError empty-set without thoughts.
 */
export function thoughtGeometry({ thoughts }: { thoughts: readonly ThoughtStates[] }): ThoughtGeometry {
  const most = thoughts.reduce((largest, states) => Math.max(largest, states.length), 0);
  if (most === 0)
    throw new DecoderError({
      code: 'empty-set',
      message: 'There are no thoughts to measure; pass examples of a model that thinks in hidden states.',
    });
  const places = Array.from({ length: most }, (_, place): PlaceGeometry => {
    const present = thoughts.flatMap((states) => states[place] ?? []);
    return {
      place,
      norm: meanAndDeviation(present.map(euclideanNorm)),
      cosineBetweenExamples: meanPairwiseCosine(present),
      dimensions: participationRatio(present),
    };
  });
  const within = thoughts.filter((states) => states.length > 1).map(meanPairwiseCosine);
  return {
    places,
    cosineWithinExample: within.length === 0 ? null : meanAndDeviation(within).mean,
    examples: thoughts.length,
  };
}

/** Mean cosine over all pairs, in linear time: `(‖Σu‖² − Σ‖u‖²) / n(n − 1)` of the unit vectors u. NaN for fewer than two. */
export function meanPairwiseCosine(vectors: readonly ArrayLike<number>[]): number {
  const count = vectors.length;
  const width = vectors[0]?.length ?? 0;
  const sum = new Float64Array(width);
  let own = 0;
  for (const vector of vectors) {
    const norm = euclideanNorm(vector);
    if (norm === 0) continue;
    own += 1;
    for (let unit = 0; unit < width; unit++) sum[unit] = (sum[unit] as number) + (vector[unit] as number) / norm;
  }
  const length = euclideanNorm(sum);
  return count < 2 ? Number.NaN : (length * length - own) / (count * (count - 1));
}

/** `trace(C)² / ‖C‖²` of the covariance C, which is the participation ratio of its eigenvalues. */
function participationRatio(vectors: readonly Float32Array[]): number {
  const count = vectors.length;
  const width = vectors[0]?.length ?? 0;
  const mean = new Float64Array(width);
  for (const vector of vectors)
    for (let unit = 0; unit < width; unit++) mean[unit] = (mean[unit] as number) + (vector[unit] as number) / count;
  const centred = vectors.map((vector) => Float64Array.from(vector, (value, unit) => value - (mean[unit] as number)));
  // Use the smaller of the two Gram matrices, over units or over examples; both have the same nonzero eigenvalues.
  const rows =
    count <= width
      ? centred
      : Array.from({ length: width }, (_, unit) => Float64Array.from(centred, (vector) => vector[unit] as number));
  let trace = 0;
  let squares = 0;
  for (const [index, left] of rows.entries()) {
    for (let other = 0; other <= index; other++) {
      const right = rows[other] as Float64Array;
      let product = 0;
      for (let place = 0; place < left.length; place++) product += (left[place] as number) * (right[place] as number);
      if (other === index) trace += product;
      squares += (other === index ? 1 : 2) * product * product;
    }
  }
  return squares > 1e-20 ? (trace * trace) / squares : 0;
}
