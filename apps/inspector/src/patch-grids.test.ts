import { describe, expect, it } from 'vitest';

import { patchGrids } from './patch-grids';

// Two tiles of 2 × 2 patches, each behind the vector of its whole.
const looks = [0.1, 0, 0, 0.4, 0, 0.1, 0.4, 0, 0, 0];

describe('grids of patches', () => {
  it('show the share of each tile and where on it most goes, on one scale', () => {
    const attention = { tiles: 2, layers: [[looks, looks.map(() => 0)]] };
    const [first, second] = patchGrids({ attention, rows: [0, 1], layer: null });
    expect(first!.blind).toBe(false);
    expect(first!.tiles.map(({ whole, strongest }) => ({ whole, strongest }))).toEqual([
      { whole: 0.1, strongest: { row: 1, column: 0 } },
      { whole: 0.1, strongest: { row: 0, column: 0 } },
    ]);
    expect(first!.tiles[0]!.share).toBeCloseTo(0.5);
    expect(first!.tiles[0]!.pixels).toMatchObject({ width: 2, height: 2 });
    // The most of all is the darkest, nothing the lightest.
    expect([...first!.tiles[0]!.pixels.data.slice(0, 3)]).toEqual([242, 239, 231]);
    expect([...first!.tiles[1]!.pixels.data.slice(0, 3)]).toEqual([29, 95, 168]);
    expect(second!.blind).toBe(true);
  });

  it('take one layer, or the mean of all', () => {
    const attention = { tiles: 1, layers: [[[0, 1, 0, 0, 0]], [[0, 0, 1, 0, 0]]] };
    const strongest = (layer: number | null) => patchGrids({ attention, rows: [0], layer })[0]!.tiles[0]!.strongest;
    expect(strongest(0)).toEqual({ row: 0, column: 0 });
    expect(strongest(1)).toEqual({ row: 0, column: 1 });
    expect(patchGrids({ attention, rows: [0], layer: null })[0]!.tiles[0]!.share).toBeCloseTo(1);
  });
});
