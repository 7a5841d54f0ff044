import { describe, expect, it } from 'vitest';

import { scoreDistributions } from './score-distributions';

const truths = Array.from({ length: 100 }, (_, row) => (row % 2 === 0 ? [0.75, 0.25] : [0, 1]));

describe('scores of distributions', () => {
  it('are 0 for the truth', () => {
    const { divergence, totalVariation, calibrationError, count } = scoreDistributions({
      truths,
      read: truths,
      floor: 0,
    });
    expect([divergence.value, totalVariation.value, calibrationError.value]).toEqual([0, 0, 0]);
    expect(count).toBe(100);
  });

  it('find a reader who must choose overconfident', () => {
    const read = truths.map(([first]) => (first! > 0.5 ? [1, 0] : [0, 1]));
    const { divergence, totalVariation, calibrationError } = scoreDistributions({ truths, read });
    // Half of the labels that are said for certain are true in three of four cases.
    expect(calibrationError.value).toBeCloseTo(0.125, 12);
    expect(totalVariation.value).toBeCloseTo(0.125, 12);
    const half = 0.75 * Math.log(0.75 / 0.995) + 0.25 * Math.log(0.25 / 0.005);
    expect(divergence.value).toBeCloseTo((half + Math.log(1 / 0.995)) / 2, 12);
    expect(calibrationError.standardError).toBeGreaterThan(0.005);
  });

  it('find a reader calibrated who says the same each time, and far from the truth', () => {
    const read = truths.map(() => [0.375, 0.625]);
    const { totalVariation, calibrationError } = scoreDistributions({ truths, read });
    expect(calibrationError.value).toBeCloseTo(0, 12);
    expect(totalVariation.value).toBeCloseTo(0.375, 12);
  });

  it('refuse what does not pair', () => {
    expect(() => scoreDistributions({ truths, read: [] })).toThrow(/100 true distributions do not pair with 0/);
    expect(() => scoreDistributions({ truths: [[1, 0]], read: [[1]] })).toThrow(/over the same labels/);
    expect(() => scoreDistributions({ truths: [], read: [] })).toThrow(/no distribution/);
  });
});
