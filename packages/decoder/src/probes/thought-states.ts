/** The hidden states of one example's thoughts, in order, each `[width]`. */
export type ThoughtStates = readonly Float32Array[];

/** The Euclidean norm of a vector. */
export function euclideanNorm(vector: ArrayLike<number>): number {
  let sum = 0;
  for (let unit = 0; unit < vector.length; unit++) sum += (vector[unit] as number) ** 2;
  return Math.sqrt(sum);
}
