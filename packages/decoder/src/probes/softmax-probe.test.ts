import { RandomStream } from '@subtext/data';
import { describe, expect, it } from 'vitest';

import { trainSoftmaxProbe } from './softmax-probe';

describe('a softmax probe', () => {
  const random = new RandomStream({ seed: 1, name: 'softmax probe' });
  const shares = [
    [0.5, 0.5, 0],
    [0.1, 0.2, 0.7],
    [0, 0, 1],
  ];
  const known = ['blue', 'green', 'red'];
  const drawn = Array.from({ length: 1500 }, (_, index) => {
    const kind = index % 3;
    const state = Float32Array.from({ length: 3 }, (__, unit) => (unit === kind ? 5 : 0) + random.normal() / 10);
    return { state, label: random.pickWeighted(known, shares[kind]!) };
  });
  const options = { states: drawn.map(({ state }) => state), labels: drawn.map(({ label }) => label) };

  it('reads how labels are distributed, of which it was shown draws', () => {
    const probe = trainSoftmaxProbe(options);
    expect(probe.labels).toEqual(known);
    for (const [kind, share] of shares.entries()) {
      const read = probe.read(Float32Array.from({ length: 3 }, (_, unit) => (unit === kind ? 5 : 0)));
      expect(read.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 9);
      for (const [label, value] of read.entries()) expect(Math.abs(value - share[label]!)).toBeLessThan(0.07);
    }
  });

  it('reads with a hidden layer what no plane separates', () => {
    const corners = Array.from({ length: 1500 }, (_, index) => {
      const [left, right] = [index % 2, Math.floor(index / 2) % 2] as const;
      const state = [left, right].map((side) => 2 * side - 1 + random.normal() / 10);
      return { state, label: random.uniform() < (left === right ? 0.9 : 0.2) ? 'same' : 'other' };
    });
    const drawnCorners = { states: corners.map(({ state }) => state), labels: corners.map(({ label }) => label) };
    const [linear, hidden] = [trainSoftmaxProbe(drawnCorners), trainSoftmaxProbe({ ...drawnCorners, units: 16 })];
    expect(trainSoftmaxProbe({ ...drawnCorners, units: 16 }).read([1, 1])).toEqual(hidden.read([1, 1]));
    for (const [corner, share] of [
      [[1, 1], 0.9],
      [[-1, 1], 0.2],
    ] as const) {
      expect(Math.abs(linear.read(corner)[1]! - 0.55)).toBeLessThan(0.1);
      expect(Math.abs(hidden.read(corner)[1]! - share)).toBeLessThan(0.08);
    }
    expect(() => trainSoftmaxProbe({ ...drawnCorners, units: 1.5 })).toThrow(/0 to 4096, not 1.5/);
  });

  it('knows labels that were never drawn as all but impossible', () => {
    const { read } = trainSoftmaxProbe({ ...options, known: [...known, 'white'] });
    expect(read(options.states[0]!)[3]).toBeLessThan(0.02);
  });

  it('refuses what does not pair', () => {
    expect(() => trainSoftmaxProbe({ ...options, labels: ['red'] })).toThrow(/1500 states and 1 labels/);
    expect(() => trainSoftmaxProbe({ ...options, labels: drawn.map(() => 'red') })).toThrow(/all the same/);
    expect(() => trainSoftmaxProbe({ ...options, known: ['blue', 'green'] })).toThrow(
      /"red" is not one of blue, green/,
    );
    expect(() => trainSoftmaxProbe(options).read([1])).toThrow(/states of width 3, but this one has 1/);
  });
});
