import { RandomStream } from '@subtext/data';

import { DecoderError } from '../errors';
import { euclideanNorm } from './thought-states';

/** Principal components of a set of vectors. */
export interface PrincipalComponents {
  /** By vector, its coordinates, in order of decreasing variance. */
  coordinates: number[][];
  /** By component, the fraction of variance explained. */
  explained: number[];
}

/**
 * Principal components (Pearson 1901) by orthogonal iteration on the centred vectors. Signs are chosen so that each
 * component's largest coordinate is positive.
 *
 * @throws DecoderError `empty-set` without vectors; `length-mismatch` for vectors of different widths
 */
export function principalComponents({
  vectors,
  components = 2,
  iterations = 100,
}: {
  vectors: readonly Float32Array[];
  /** @default 2 */
  components?: number;
  /** @default 100 */
  iterations?: number;
}): PrincipalComponents {
  const [first] = vectors;
  if (first === undefined) throw new DecoderError({ code: 'empty-set', message: 'There are no thoughts to project.' });
  const width = first.length;
  const odd = vectors.find(({ length }) => length !== width);
  if (odd !== undefined)
    throw new DecoderError({
      code: 'length-mismatch',
      message: `Thoughts have widths ${width} and ${odd.length}; pass states of a single model.`,
    });
  const mean = new Float64Array(width);
  for (const vector of vectors) for (let unit = 0; unit < width; unit++) mean[unit]! += vector[unit]! / vectors.length;
  const centred = vectors.map((vector) => Float64Array.from(vector, (value, unit) => value - mean[unit]!));
  const total = centred.reduce((sum, vector) => sum + euclideanNorm(vector) ** 2, 0);
  const random = new RandomStream({ seed: 0, name: 'principal components' });
  let axes: Float64Array[] = Array.from({ length: Math.min(components, width) }, () =>
    Float64Array.from({ length: width }, () => random.normal()),
  );
  for (let iteration = 0; iteration < iterations; iteration++)
    axes = orthonormal(
      axes.map((axis) => {
        const next = new Float64Array(width);
        for (const vector of centred) {
          const along = dot(vector, axis);
          for (let unit = 0; unit < width; unit++) next[unit]! += along * vector[unit]!;
        }
        return next;
      }),
    );
  for (const axis of axes) {
    const largest = axis.reduce((best, value) => (Math.abs(value) > Math.abs(best) ? value : best), 0);
    if (largest < 0) for (let unit = 0; unit < width; unit++) axis[unit]! *= -1;
  }
  const coordinates = centred.map((vector) => axes.map((axis) => dot(vector, axis)));
  return {
    coordinates,
    explained: axes.map((_, place) =>
      total === 0 ? 0 : coordinates.reduce((sum, row) => sum + row[place]! ** 2, 0) / total,
    ),
  };
}

/** Gram–Schmidt; linearly dependent vectors become zeros. */
function orthonormal(axes: readonly Float64Array[]): Float64Array[] {
  const done: Float64Array[] = [];
  for (const axis of axes) {
    const left = axis.slice();
    for (const other of done) {
      const along = dot(left, other);
      for (let unit = 0; unit < left.length; unit++) left[unit]! -= along * other[unit]!;
    }
    const norm = euclideanNorm(left);
    done.push(norm < 1e-12 ? new Float64Array(left.length) : left.map((value) => value / norm));
  }
  return done;
}

function dot(one: Float64Array, other: Float64Array): number {
  let sum = 0;
  for (let unit = 0; unit < one.length; unit++) sum += one[unit]! * other[unit]!;
  return sum;
}
