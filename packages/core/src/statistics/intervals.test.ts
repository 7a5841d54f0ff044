import { describe, expect, it } from 'vitest';

import { pairedDifference, wilsonInterval } from './intervals';

/** A generator of whole numbers below 2³² (mulberry32), so that the test draws the same each time. */
function draws(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe('pairedDifference', () => {
  it.each([
    [0.5, 0.5, 0.5, 980],
    [0.9, 0.8, 0.3, 980],
    // Near the edge it is wider than it need be, as Wilson's interval is.
    [0.97, 0.97, 0.6, 1000],
    [0.4, 0.3, 0, 980],
  ])(
    'holds a true difference of %d and %d, alike in %d of samples, 930 to %d times in 1000',
    (left, right, alike, most) => {
      const random = draws(7);
      let held = 0;
      for (let repeat = 0; repeat < 1000; repeat++) {
        const pairs = Array.from({ length: 80 }, () => {
          const [one, other] = [random(), random()];
          return [one < left ? 1 : 0, (random() < alike ? one : other) < right ? 1 : 0] as const;
        });
        const { interval } = pairedDifference({ left: pairs.map(([one]) => one), right: pairs.map(([, two]) => two) });
        if (interval[0] <= left - right && left - right <= interval[1]) held += 1;
      }
      expect(held).toBeGreaterThan(930);
      expect(held).toBeLessThanOrEqual(most);
    },
  );

  it('is wide for few samples, also where both are always right, and narrow where they go together', () => {
    const ones = (count: number) => new Array<number>(count).fill(1);
    expect(pairedDifference({ left: ones(6), right: ones(6) }).interval[1]).toBeCloseTo(
      1 - wilsonInterval({ successes: 6, total: 6 })[0],
      12,
    );
    const half = Array.from({ length: 40 }, (_, index) => index % 2);
    expect(pairedDifference({ left: half, right: half })).toMatchObject({ value: 0 });
    expect(pairedDifference({ left: half, right: half }).interval[1]).toBeCloseTo(0, 7);
    expect(pairedDifference({ left: half, right: [...half].reverse() }).interval[1]).toBeGreaterThan(0.2);
    const fewer = pairedDifference({ left: ones(40), right: half, total: 10 });
    const all = pairedDifference({ left: ones(40), right: half });
    expect(fewer.interval[0]).toBeLessThan(all.interval[0]);
    expect(() => pairedDifference({ left: [1], right: [] })).toThrowError(
      expect.objectContaining({ code: 'length-mismatch' }),
    );
  });
});
