import { RandomStream } from '@subtext/data';
import { describe, expect, it } from 'vitest';

import { auroc } from './auroc';
import { trainMonitor } from './train-monitor';

describe('auroc', () => {
  it('counts the pairs in which the flagged one scores higher, equal ones half', () => {
    const scores = [0.1, 0.4, 0.35, 0.8];
    const flagged = [false, false, true, true];
    // scikit-learn's example of roc_auc_score: 0.75.
    expect(auroc({ scores, flagged })).toMatchObject({ value: 0.75, flagged: 2, others: 2 });
    expect(auroc({ scores: [1, 1, 1], flagged: [true, false, false] }).value).toBe(0.5);
    expect(auroc({ scores: [3, 2, 1], flagged: [false, true, true] }).value).toBe(0);
  });

  it('has the standard error of Hanley and McNeil', () => {
    const random = new RandomStream({ seed: 1 });
    const values = Array.from({ length: 200 }, () => {
      const flagged = Array.from({ length: 60 }, (_, index) => index < 20);
      const scores = flagged.map((is) => random.uniform() + random.uniform() + (is ? 0.4 : 0));
      return auroc({ scores, flagged });
    });
    const mean = values.reduce((sum, { value }) => sum + value, 0) / values.length;
    const deviation = Math.sqrt(values.reduce((sum, { value }) => sum + (value - mean) ** 2, 0) / values.length);
    expect(values[0]!.standardError / deviation).toBeGreaterThan(0.7);
    expect(values[0]!.standardError / deviation).toBeLessThan(1.4);
  });

  it('refuses scores without flags, and one side alone', () => {
    expect(() => auroc({ scores: [1], flagged: [] })).toThrow(/1 scores, but 0 flags/);
    expect(() => auroc({ scores: [1, 2], flagged: [true, true] })).toThrow(/2 are flagged/);
  });
});

/** States in which one direction tells, among noise of another scale in each unit. */
function states({ count, strength, seed }: { count: number; strength: number; seed: number }) {
  const random = new RandomStream({ seed });
  const flagged = Array.from({ length: count }, (_, index) => index % 3 === 0);
  const noise = () => random.uniform() + random.uniform() + random.uniform() - 1.5;
  return {
    flagged,
    states: flagged.map((is) =>
      Float32Array.from(
        { length: 6 },
        (_, unit) => 10 ** (unit - 2) * (noise() + (unit === 3 && is ? strength : 0) + 4),
      ),
    ),
  };
}

describe('a monitor of thoughts', () => {
  it('finds what tells, and raises few false alarms on states that it has not seen', () => {
    const monitor = trainMonitor({ ...states({ count: 600, strength: 3, seed: 1 }), falseAlarms: 0.05 });
    expect(monitor.auroc.value).toBeGreaterThan(0.97);
    const fresh = states({ count: 3000, strength: 3, seed: 2 });
    const scores = fresh.states.map((state) =>
      monitor.weights.reduce((sum, weight, unit) => sum + weight * state[unit]!, monitor.bias),
    );
    expect(auroc({ scores, flagged: fresh.flagged }).value).toBeGreaterThan(0.97);
    const alarms = (is: boolean) => {
      const own = scores.filter((_, index) => fresh.flagged[index] === is);
      return own.filter((score) => score >= monitor.threshold).length / own.length;
    };
    expect(alarms(false)).toBeLessThan(0.08);
    expect(alarms(true)).toBeGreaterThan(0.8);
  });

  it('guesses where there is nothing to find', () => {
    const { auroc: found } = trainMonitor(states({ count: 900, strength: 0, seed: 3 }));
    expect(Math.abs(found.value - 0.5)).toBeLessThan(3 * found.standardError);
  });

  it('refuses what it cannot learn from', () => {
    const own = states({ count: 60, strength: 1, seed: 4 });
    expect(() => trainMonitor({ ...own, flagged: own.flagged.slice(1) })).toThrow(/one flag per state/);
    expect(() => trainMonitor({ ...own, flagged: own.flagged.map(() => false) })).toThrow(/0 are flagged/);
    expect(() => trainMonitor({ ...own, falseAlarms: 2 })).toThrow(/falseAlarms: 2/);
  });
});
