import { describe, expect, it } from 'vitest';

import { layoutGraph } from './graph-layout';

describe('a graph’s layout', () => {
  it('sets nodes by hops from the root, the rest below by their own order, none upon another', () => {
    const edges: [number, number][] = [
      [0, 3],
      [0, 4],
      [3, 5],
      [4, 5],
      [1, 2],
      [2, 9],
    ];
    const hops = new Map([
      [0, 0],
      [3, 1],
      [4, 1],
      [5, 2],
    ]);
    const nodes = [0, 1, 2, 3, 4, 5, 9].map((node) => ({ node, hops: hops.get(node) ?? null, role: null }));
    const placed = layoutGraph({ edges, nodes });
    const at = (node: number) => placed.find((one) => one.node === node)!;
    expect([0, 3, 4, 5].map((node) => at(node).x)).toEqual([0, 1, 1, 2]);
    expect([1, 2, 9].map((node) => at(node).x)).toEqual([0, 1, 2]);
    expect(Math.min(at(1).y, at(2).y, at(9).y)).toBeGreaterThan(Math.max(at(0).y, at(3).y, at(4).y, at(5).y));
    expect(new Set(placed.map(({ x, y }) => `${x} ${y}`)).size).toBe(nodes.length);
  });

  it('ends where edges run in a circle', () => {
    const nodes = [0, 1, 2].map((node) => ({ node, hops: node === 0 ? 0 : null, role: null }));
    expect(
      layoutGraph({
        edges: [
          [1, 2],
          [2, 1],
        ],
        nodes,
      }),
    ).toHaveLength(3);
  });
});
