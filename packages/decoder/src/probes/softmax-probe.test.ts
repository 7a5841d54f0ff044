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

  it('knows labels that were never drawn as all but impossible', () => {
    const { read } = trainSoftmaxProbe({ ...options, known: [...known, 'white'] });
    expect(read(options.states[0]!)[3]).toBeLessThan(0.02);
  });

  it('refuses what does not pair', () => {
    expect(() => trainSoftmaxProbe({ ...options, labels: ['red'] })).toThrow(/1500 states and 1 labels/);
    expect(() => trainSoftmaxProbe({ ...options, labels: drawn.map(() => 'red') })).toThrow(/all alike/);
    expect(() => trainSoftmaxProbe({ ...options, known: ['blue', 'green'] })).toThrow(/"red" is none of blue, green/);
    expect(() => trainSoftmaxProbe(options).read([1])).toThrow(/states of width 3, and this one has 1/);
  });
});
