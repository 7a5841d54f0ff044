import { tf } from '@subtext/tensor';

/** State of a row's column: padding, a position, or a fully masked position. */
export const [NOTHING, SEEN, HIDDEN] = [0, 1, 2];

/** The positions from column `first` on; any value where there is none. */
export function positionsOf({ places, first }: { places: readonly Int32Array[]; first: number }): {
  positions: tf.Tensor2D;
  largestPosition: number;
} {
  const time = (places[0]?.length ?? 0) - first;
  const values = new Int32Array(places.length * time);
  let largestPosition = 0;
  for (const [row, one] of places.entries()) {
    let next = 0;
    for (let column = 0; column < one.length; column++) {
      const position = one[column] as number;
      if (column >= first) {
        values[row * time + column - first] = position < 0 ? next : position;
        largestPosition = Math.max(largestPosition, position);
      }
      if (position >= 0) next = position + 1;
    }
  }
  return { positions: tf.tensor2d(values, [places.length, time], 'int32'), largestPosition };
}

/** int32 `[rows, positions]`. */
export function maskTensor(seen: readonly Uint8Array[]): tf.Tensor2D {
  const time = seen[0]?.length ?? 0;
  const values = new Int32Array(seen.length * time);
  for (const [row, one] of seen.entries())
    for (let column = 0; column < time; column++) values[row * time + column] = one[column] === SEEN ? 1 : 0;
  return tf.tensor2d(values, [seen.length, time], 'int32');
}
