import {
  IGNORED_LABEL,
  type Layout,
  hashCounters,
  permutationAt,
  randomAt,
  collateLayouts,
  countPredicted,
  splitIntoShards,
} from '@subtext/reasoner';
import { describe, expect, it } from 'vitest';

import { DataOrder } from './data-order';

const layout = (ids: number[], given: number): Layout => ({
  ids,
  labels: ids.map((id, index) => (index < given ? IGNORED_LABEL : id)),
  promptLength: given,
  thoughts: [],
});

describe('a batch', () => {
  it('is padded on the right and picks out the states that predict a token', () => {
    const batch = collateLayouts({
      layouts: [layout([5, 6, 7, 8], 2), layout([9, 10], 1)],
      padId: 1,
      lossWeight: 0.25,
    });
    expect(batch).toEqual({
      rows: 2,
      time: 4,
      ids: Int32Array.from([5, 6, 7, 8, 9, 10, 1, 1]),
      lossRows: Int32Array.from([1, 2, 4]),
      lossLabels: Int32Array.from([7, 8, 10]),
      lossWeight: 0.25,
    });
  });

  it('never asks for the first token, which nothing can predict', () => {
    expect(countPredicted(layout([5, 6, 7], 0))).toBe(2);
    expect([...collateLayouts({ layouts: [layout([5, 6, 7], 0)], padId: 0, lossWeight: 1 }).lossLabels]).toEqual([
      6, 7,
    ]);
  });

  it('moves rows so that first thoughts share a column, and counts positions without the padding', () => {
    const thinking = (ids: number[], at: number[]): Layout => ({
      ...layout(ids, ids.length - 1),
      thoughts: at.map((position, index) => ({ stage: 'a', index, position, kind: 'continuous' })),
    });
    const batch = collateLayouts({
      layouts: [thinking([5, 6, 50, 7], [2]), thinking([5, 6, 8, 50, 50, 7], [3, 4]), thinking([5, 7], [])],
      padId: 1,
      lossWeight: 1,
    });
    expect(batch.time).toBe(6);
    expect([...batch.ids]).toEqual([1, 5, 6, 50, 7, 1, 5, 6, 8, 50, 50, 7, 5, 7, 1, 1, 1, 1]);
    expect(batch.continuous).toEqual({
      start: 3,
      counts: Int32Array.from([1, 2, 0]),
      offsets: Int32Array.from([1, 0, 0]),
      positions: Int32Array.from([0, 0, 1, 2, 3, 0, 0, 1, 2, 3, 4, 5, 0, 1, 0, 0, 0, 0]),
      largestPosition: 5,
      fedBack: true,
    });
    expect([...batch.lossRows]).toEqual([2, 6 + 4, 12 + 0]);
  });

  it('is cut into shards that differ by one at most and lose nothing', () => {
    for (const count of [0, 1, 5, 6, 7]) {
      for (const shards of [1, 2, 3, 4]) {
        const items = Array.from({ length: count }, (_, index) => index);
        const cut = splitIntoShards({ items, shards });
        expect(cut.flat()).toEqual(items);
        const sizes = cut.map(({ length }) => length);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      }
    }
  });
});

describe('the order of the data', () => {
  const epochOf = (options: { seed: number; phase: number }, epoch: number) => {
    const order = new DataOrder({ count: 10, ...options });
    return Array.from({ length: 10 }, (_, index) => order.batch({ step: epoch * 10 + index, size: 1 })[0]!);
  };

  it('holds every example once an epoch, each epoch, phase and seed in its own order', () => {
    const epochs = [
      epochOf({ seed: 1, phase: 0 }, 0),
      epochOf({ seed: 1, phase: 0 }, 1),
      epochOf({ seed: 1, phase: 1 }, 0),
      epochOf({ seed: 2, phase: 0 }, 0),
    ];
    for (const epoch of epochs) expect([...epoch].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(new Set(epochs.map(String)).size).toBe(4);
  });

  it('is a pure function of the step: asked in any order, and over the end of an epoch', () => {
    const all = new DataOrder({ count: 10, seed: 1, phase: 0 });
    const forward = Array.from({ length: 8 }, (_, step) => all.batch({ step, size: 4 }));
    for (const step of [7, 2, 5, 0])
      expect(new DataOrder({ count: 10, seed: 1, phase: 0 }).batch({ step, size: 4 })).toEqual(forward[step]);
    expect([...forward.slice(0, 5).flat()].sort((a, b) => a - b)).toEqual(
      Array.from({ length: 20 }, (_, index) => Math.floor(index / 2)),
    );
  });
});

describe('counter-based randomness', () => {
  it('is even, and tells every counter apart, also their order', () => {
    const bins = new Array<number>(10).fill(0);
    for (let index = 0; index < 50_000; index++) bins[Math.floor(randomAt(3, index) * 10)]!++;
    for (const bin of bins) expect(Math.abs(bin / 5_000 - 1)).toBeLessThan(0.06);
    expect(
      new Set([
        hashCounters(1, 2),
        hashCounters(2, 1),
        hashCounters(1),
        hashCounters(1, 2, 0),
        hashCounters(2 ** 32 + 1, 2),
      ]).size,
    ).toBe(5);
  });

  it('shuffles: every element is as likely to come first', () => {
    const firsts = new Array<number>(5).fill(0);
    for (let index = 0; index < 10_000; index++) firsts[permutationAt({ count: 5, counters: [index] })[0]!]!++;
    for (const count of firsts) expect(Math.abs(count / 2_000 - 1)).toBeLessThan(0.1);
  });
});
