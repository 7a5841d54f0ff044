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
  /** One that goes on by itself from here. */
  copy(): RowSight;
}

/** What the columns from `first` on may look at. `columns`: by row, 0 where a column holds no position. */
export function sightVisibility({
  sights,
  columns,
  first = 0,
}: {
  sights: readonly RowSight[];
  columns: readonly ArrayLike<number>[];
  /** @default 0 */ first?: number;
}): PassVisibility {
  const keyTime = columns[0]?.length ?? 0;
  const time = keyTime - first;
  const keys = new Int32Array(columns.length * time * keyTime);
  const pictures = new Uint8Array(columns.length * time);
  const places = new Int32Array(keyTime);
  for (const [row, own] of columns.entries()) {
    const sight = sights[row] as RowSight;
    let count = 0;
    for (let column = 0; column < keyTime; column++) {
      if (own[column] === 0) continue;
      places[count] = column;
      const position = count++;
      if (column < first) continue;
      const place = row * time + column - first;
      for (let key = 0; key <= position; key++)
        if (sight.sees(position, key)) keys[place * keyTime + (places[key] as number)] = 1;
      if (sight.seesPictures(position)) pictures[place] = 1;
    }
  }
  return { keys: tf.tensor3d(keys, [columns.length, time, keyTime], 'int32'), pictures };
}
