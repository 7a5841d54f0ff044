import { euclideanNorm } from './thought-states';

/** For each vector, the indices of its nearest neighbours by cosine similarity, nearest first, excluding itself. */
export function nearestThoughts({
  vectors,
  count = 5,
}: {
  vectors: readonly Float32Array[];
  /** @default 5 */
  count?: number;
}): number[][] {
  const units = vectors.map((vector) => {
    const norm = Math.max(euclideanNorm(vector), 1e-30);
    return vector.map((value) => value / norm);
  });
  return units.map((own, place) => {
    const cosines = units.map((other) => own.reduce((sum, value, unit) => sum + value * other[unit]!, 0));
    return [...units.keys()]
      .filter((other) => other !== place)
      .sort((one, other) => cosines[other]! - cosines[one]! || one - other)
      .slice(0, count);
  });
}
