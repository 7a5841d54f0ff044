import type { Trace } from '@subtext/decoder';

/** Where a position looks on one tile of a picture. */
export interface TileGrid {
  /** A pixel for each patch, darker for more; on one scale for all positions and tiles. */
  pixels: { width: number; height: number; data: Uint8Array };
  /** What goes to the tile as a whole, and to the tile in all: shares of the position's look. */
  whole: number;
  share: number;
  /** The patch that it looks at most. */
  strongest: { row: number; column: number };
}

/** The light and the dark end of the scale. */
const light = [242, 239, 231] as const;
const dark = [29, 95, 168] as const;

/** The attention of positions to a picture's tiles as small pictures: each tile's first vector stands for its whole, the others are its patches, row by row. */
export function patchGrids({
  attention: { tiles, layers },
  rows,
  layer,
}: {
  attention: NonNullable<Trace['pictureAttention']>;
  /** The positions that are shown. */
  rows: readonly number[];
  /** Which of the layers over pictures; null: the mean of all. */
  layer: number | null;
}): { position: number; blind: boolean; tiles: TileGrid[] }[] {
  const shown = layer === null ? layers : [layers[layer] ?? layers[0]!];
  const weights = rows.map((position) => {
    const first = shown[0]?.[position] ?? [];
    return first.map((_, key) => shown.reduce((sum, one) => sum + one[position]![key]!, 0) / shown.length);
  });
  const length = (weights[0]?.length ?? 0) / tiles;
  const side = Math.max(1, Math.floor(Math.sqrt(length - 1)));
  const patches = (row: readonly number[], tile: number) =>
    row.slice(tile * length + 1, tile * length + 1 + side * side);
  const all = weights.flatMap((row) => Array.from({ length: tiles }, (_, tile) => Math.max(0, ...patches(row, tile))));
  const most = Math.max(1e-12, ...all);
  return rows.map((position, place) => {
    const row = weights[place]!;
    return {
      position,
      blind: row.every((value) => value === 0),
      tiles: Array.from({ length: tiles }, (_, tile) => {
        const own = patches(row, tile);
        const at = own.indexOf(Math.max(...own));
        return {
          pixels: { width: side, height: side, data: pixelsOf(own.map((value) => Math.sqrt(value / most))) },
          whole: row[tile * length] ?? 0,
          share: row.slice(tile * length, (tile + 1) * length).reduce((sum, value) => sum + value, 0),
          strongest: { row: Math.floor(at / side), column: at % side },
        };
      }),
    };
  });
}

function pixelsOf(values: readonly number[]): Uint8Array {
  return Uint8Array.from(
    values.flatMap((value) => light.map((from, channel) => from + value * (dark[channel]! - from))),
  );
}
