import { tf } from '@subtext/tensor';

import type { PassVisibility } from '../language-model';

/**
 * The visibility mask of one row of a session, updated with each position fed. Positions count from 0, without padding.
 */
export interface RowSight {
  /** Adds the next position, with the token fed there; null for anything else (an image vector, a hidden state). */
  push(id: number | null): void;
  /** Removes the last positions. */
  forgetLast(count: number): void;
  /** Whether a position may attend to an earlier one or itself. */
  sees(position: number, key: number): boolean;
  /** Whether a position may attend to images outside the sequence (cross-attention). */
  seesPictures(position: number): boolean;
  /**
   * Returns a test for positions that no future position can attend to, so that their keys and values can be dropped;
   * null while that is unknown. @default never known
   */
  leftBehind?(): ((position: number) => boolean) | null;
  /** An independent copy of the current state. */
  copy(): RowSight;
}

/** Position of each column, −1 where there is none: positions are counted where `columns` is not 0. */
function placesOf(columns: ArrayLike<number>): Int32Array {
  let count = 0;
  return Int32Array.from(columns, (held) => (held === 0 ? -1 : count++));
}

/** Visibility mask of the columns from `first` on. */
export function sightVisibility({
  sights,
  columns,
  places = columns.map(placesOf),
  first = 0,
}: {
  sights: readonly RowSight[];
  /** By row: 0 where a column has no position. */
  columns: readonly ArrayLike<number>[];
  /** By row and column: its position, −1 if there is none; ascending. @default counted along the columns */
  places?: readonly Int32Array[];
  /** @default 0 */ first?: number;
}): PassVisibility {
  const keyTime = columns[0]?.length ?? 0;
  const time = keyTime - first;
  const keys = new Int32Array(columns.length * time * keyTime);
  const pictures = new Uint8Array(columns.length * time);
  for (const [row, own] of places.entries()) {
    const sight = sights[row] as RowSight;
    for (let column = first; column < keyTime; column++) {
      const position = own[column] as number;
      if (position < 0) continue;
      const place = row * time + column - first;
      for (let key = 0; key <= column; key++) {
        const seen = own[key] as number;
        if (seen >= 0 && sight.sees(position, seen)) keys[place * keyTime + key] = 1;
      }
      if (sight.seesPictures(position)) pictures[place] = 1;
    }
  }
  return { keys: tf.tensor3d(keys, [columns.length, time, keyTime], 'int32'), pictures };
}
