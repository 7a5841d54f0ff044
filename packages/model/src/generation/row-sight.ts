import { tf } from '@subtext/tensor';

import type { PassVisibility } from '../language-model';

/** Who sees whom in one row of a session, which tells it of each position as it is fed. Positions count from 0, padding not. */
export interface RowSight {
  /** The next position: the token that is fed there; null for what is none (a picture's vector, a hidden state). */
  push(id: number | null): void;
  /** Takes back the last positions. */
  forgetLast(count: number): void;
  /** Whether a position may look at one before it, or at itself. */
  sees(position: number, key: number): boolean;
  /** Whether a position may look at pictures that stand beside the sequence. */
  seesPictures(position: number): boolean;
  /**
   * Tells of a position whether nothing that may still come can look at it, so that its keys and values may go; null while
   * that cannot be told. @default it never can
   */
  leftBehind?(): ((position: number) => boolean) | null;
  /** One that goes on by itself from here. */
  copy(): RowSight;
}

/** By column its position, −1 where it holds none: positions are counted where `columns` is not 0. */
function placesOf(columns: ArrayLike<number>): Int32Array {
  let count = 0;
  return Int32Array.from(columns, (held) => (held === 0 ? -1 : count++));
}

/** What the columns from `first` on may look at. */
export function sightVisibility({
  sights,
  columns,
  places = columns.map(placesOf),
  first = 0,
}: {
  sights: readonly RowSight[];
  /** By row, 0 where a column holds no position. */
  columns: readonly ArrayLike<number>[];
  /** By row and column its position, −1 where it holds none; ascending. @default counted along the columns */
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
