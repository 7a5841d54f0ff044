import { meanAndDeviation, wilsonInterval, complementaryError, normalQuantile } from '@subtext/core';
import { RandomStream } from '@subtext/data';
import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { bootstrap, meanAt, pairedBootstrap, percentile } from './bootstrap';
import { holmCorrection } from './holm-correction';
import { mcnemarInterval, mcnemarTest } from './mcnemar';
import { compareSeeds } from './seed-test';

/** Made by tooling/parity/make_statistics_fixtures.py with scipy and statsmodels. */
const fixture = JSON.parse(readFileSync(new URL('../../fixtures/statistics.json', import.meta.url), 'utf8')) as {
  wilson: [number, number, number, number, number][];
  mcnemar: [number, number, number, number, number, number, number][];
  erfc: [number, number][];
  quantile: [number, number][];
  holm: [number[], number[]][];
  spread: { values: number[]; mean: number; deviation: number; standardError: number };
  percentiles: [number, number][];
  paired: { left: number[]; right: number[]; difference: number; low: number; high: number; standardError: number };
};

const relative = (computed: number, expected: number) =>
  Math.abs(computed - expected) / Math.max(Math.abs(expected), 1e-300);

/** Two lists with the given numbers of pairs: both right, only left, only right, neither. */
function lists([both, onlyLeft, onlyRight, neither]: number[]) {
  const repeat = (count: number | undefined, value: boolean) => new Array<boolean>(count ?? 0).fill(value);
  return {
    left: [...repeat(both, true), ...repeat(onlyLeft, true), ...repeat(onlyRight, false), ...repeat(neither, false)],
    right: [...repeat(both, true), ...repeat(onlyLeft, false), ...repeat(onlyRight, true), ...repeat(neither, false)],
  };
}

describe('statistics equal scipy and statsmodels', () => {
  it('the complementary error function and the normal quantile', () => {
    for (const [x, expected] of fixture.erfc) expect(relative(complementaryError(x), expected)).toBeLessThan(1e-12);
    for (const [chance, expected] of fixture.quantile)
      expect(Math.abs(normalQuantile(chance) - expected)).toBeLessThan(1e-9);
  });

  it('Wilson intervals', () => {
    for (const [successes, total, confidence, low, high] of fixture.wilson) {
      const interval = wilsonInterval({ successes, total, confidence });
      expect(Math.abs(interval[0] - low)).toBeLessThan(1e-10);
      expect(Math.abs(interval[1] - high)).toBeLessThan(1e-10);
    }
  });

  it('McNemar, exact and with continuity correction', () => {
    for (const [both, left, right, neither, exact, statistic, chiSquare] of fixture.mcnemar) {
      const result = mcnemarTest(lists([both, left, right, neither]));
      expect(result).toMatchObject({ onlyLeft: left, onlyRight: right });
      expect(relative(result.exactPValue, exact)).toBeLessThan(1e-9);
      expect(result.statistic).toBeCloseTo(statistic, 10);
      expect(relative(result.chiSquarePValue, chiSquare)).toBeLessThan(1e-9);
    }
    expect(mcnemarTest(lists([5, 4, 4, 5]))).toMatchObject({ exactPValue: 1, statistic: 0, chiSquarePValue: 1 });
    expect(mcnemarTest(lists([5, 0, 0, 5]))).toMatchObject({ pValue: 1, statistic: 0 });
  });

  it('mean, deviation, standard error and percentiles', () => {
    const result = meanAndDeviation(fixture.spread.values);
    for (const key of ['mean', 'deviation', 'standardError'] as const)
      expect(result[key]).toBeCloseTo(fixture.spread[key], 12);
    const sorted = [...fixture.spread.values].sort((one, other) => one - other);
    for (const [share, expected] of fixture.percentiles) expect(percentile(sorted, share)).toBeCloseTo(expected, 12);
    expect(meanAndDeviation([3])).toEqual({ mean: 3, deviation: 0, standardError: 0, count: 1 });
  });

  it("Holm's correction", () => {
    for (const [values, adjusted] of fixture.holm)
      for (const [index, value] of holmCorrection(values).entries())
        expect(value).toBeCloseTo(adjusted[index] as number, 12);
  });

  it('the paired bootstrap, within the noise of its draws', () => {
    const { left, right, difference, low, high, standardError } = fixture.paired;
    const result = pairedBootstrap({ left, right, resamples: 20_000, seed: 1 });
    expect(result.value).toBeCloseTo(difference, 12);
    // The standard error of a 2.5 % percentile of 20 000 draws is about 0.019 of the spread; five of them.
    expect(Math.abs(result.interval[0] - low)).toBeLessThan(0.1 * standardError);
    expect(Math.abs(result.interval[1] - high)).toBeLessThan(0.1 * standardError);
    expect(relative(result.standardError, standardError)).toBeLessThan(0.03);
  });
});

describe('properties', () => {
  it('the bootstrap is the same for the same seed and another for another', () => {
    const values = [1, 5, 2, 8, 3];
    const run = (seed: number) =>
      bootstrap({ count: 5, statistic: (indices) => meanAt(values, indices), seed, resamples: 200 });
    expect(run(3)).toEqual(run(3));
    expect(run(3).interval).not.toEqual(run(4).interval);
  });

  it('intervals hold the truth about as often as they say', () => {
    const random = new RandomStream({ seed: 1, name: 'coverage' });
    let held = 0;
    let wilsonHeld = 0;
    const runs = 300;
    for (let run = 0; run < runs; run++) {
      const left = Array.from({ length: 60 }, () => random.uniform());
      const right = left.map((value) => value + random.uniform(-1, 0.6));
      const { interval } = pairedBootstrap({ left, right, resamples: 200, seed: run });
      if (interval[0] <= 0.2 && 0.2 <= interval[1]) held++;
      const successes = Array.from({ length: 60 }, () => random.uniform() < 0.9).filter(Boolean).length;
      const [low, high] = wilsonInterval({ successes, total: 60 });
      if (low <= 0.9 && 0.9 <= high) wilsonHeld++;
    }
    expect(held / runs).toBeGreaterThan(0.9);
    expect(wilsonHeld / runs).toBeGreaterThan(0.9);
    expect(held).toBeLessThan(runs);
  });

  it('a Wilson interval holds its share and lies within 0 … 1', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5000 }), fc.double({ min: 0, max: 1, noNaN: true }), (total, share) => {
        const successes = Math.round(share * total);
        const [low, high] = wilsonInterval({ successes, total });
        return low >= 0 && high <= 1 && low <= successes / total && successes / total <= high;
      }),
    );
  });

  it('tests of methods over seeds are Student’s and the exact one over signs', () => {
    // scipy 1.14: ttest_rel([.98, .96, .95], [.55, .47, .44]) and the exact permutation of signs.
    const three = compareSeeds({ left: [0.98, 0.96, 0.95], right: [0.55, 0.47, 0.44] });
    expect(three.difference).toBeCloseTo(0.47666666666666674, 12);
    const deviation = Math.sqrt(
      ((0.43 - 0.4766666667) ** 2 + (0.49 - 0.4766666667) ** 2 + (0.51 - 0.4766666667) ** 2) / 2,
    );
    expect(three.statistic).toBeCloseTo(0.4766666667 / (deviation / Math.sqrt(3)), 6);
    // Two degrees of freedom have a closed form: p = 1 − t / √(t² + 2).
    expect(three.pValue).toBeCloseTo(1 - three.statistic / Math.sqrt(three.statistic ** 2 + 2), 10);
    expect(three.permutationPValue).toBe(2 / 8);
    // One degree of freedom is Cauchy's: p = 1 − 2/π · atan t.
    const two = compareSeeds({ left: [1, 4], right: [0, 1] });
    expect(two.pValue).toBeCloseTo(1 - (2 / Math.PI) * Math.atan(2), 10);
    // The 97.5 % quantile of t with one degree of freedom is 12.7062…
    expect(two.interval[1]).toBeCloseTo(2 + 12.706204736, 6);
    expect(compareSeeds({ left: [1, 1, 1], right: [1, 1, 1] })).toMatchObject({
      difference: 0,
      pValue: 1,
      permutationPValue: 1,
    });
    expect(compareSeeds({ left: [2, 2], right: [1, 1] })).toMatchObject({
      statistic: Infinity,
      pValue: 0,
      permutationPValue: 0.5,
    });
    expect(() => compareSeeds({ left: [1], right: [0] })).toThrowError(/One seed says nothing/);
  });

  it('McNemar’s interval leaves out 0 exactly where its test does', () => {
    for (const [onlyLeft, onlyRight] of [
      [0, 0],
      [1, 0],
      [5, 0],
      [6, 0],
      [8, 2],
      [10, 3],
      [40, 20],
      [31, 45],
      [700, 600],
      [900, 700],
      [1200, 1100],
    ] as const) {
      const left = [
        ...new Array<boolean>(onlyLeft).fill(true),
        ...new Array<boolean>(onlyRight).fill(false),
        ...new Array<boolean>(50).fill(true),
      ];
      const right = left.map((value, index) => (index < onlyLeft + onlyRight ? !value : value));
      const result = mcnemarTest({ left, right });
      for (const confidence of [0.9, 0.95, 0.99, 0.999]) {
        const [low, high] = mcnemarInterval({ result, count: left.length, confidence });
        const value = (onlyLeft - onlyRight) / left.length;
        expect(low <= value && value <= high).toBe(true);
        expect([onlyLeft, onlyRight, confidence, low > 0 || high < 0]).toEqual([
          onlyLeft,
          onlyRight,
          confidence,
          result.pValue < 1 - confidence,
        ]);
      }
    }
  });

  it('refuses what cannot be answered', () => {
    expect(() => wilsonInterval({ successes: 0, total: 0 })).toThrowError(
      expect.objectContaining({ code: 'empty-set' }),
    );
    expect(() => wilsonInterval({ successes: 3, total: 2 })).toThrowError(
      expect.objectContaining({ code: 'invalid-option' }),
    );
    expect(() => wilsonInterval({ successes: 1, total: 2, confidence: 95 })).toThrowError(/between 0 and 1/);
    expect(() => mcnemarTest({ left: [true], right: [] })).toThrowError(
      expect.objectContaining({ code: 'length-mismatch' }),
    );
    expect(() => pairedBootstrap({ left: [], right: [] })).toThrowError(expect.objectContaining({ code: 'empty-set' }));
    expect(() => bootstrap({ count: 2, statistic: () => 0, resamples: 5 })).toThrowError(/at least 100/);
    expect(() => meanAndDeviation([])).toThrowError(expect.objectContaining({ code: 'empty-set' }));
  });
});
