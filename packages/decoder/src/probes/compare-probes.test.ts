import { RandomStream } from '@subtext/data';
import { describe, expect, it } from 'vitest';

import { compareProbes } from './compare-probes';

const gaussian = (random: RandomStream) =>
  Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform());

/** States of noise in which unit `3 · label` stands out by `signal`. */
function planted({ labels, signal, random }: { labels: readonly number[]; signal: number; random: RandomStream }) {
  return labels.map((label) =>
    Float32Array.from({ length: 12 }, (_, unit) => gaussian(random) + (unit === 3 * label ? signal : 0)),
  );
}

const draw = ({ count, kinds, random }: { count: number; kinds: number; random: RandomStream }) =>
  Array.from({ length: count }, () => random.integer(kinds));

describe('compareProbes', () => {
  const random = new RandomStream({ seed: 3, name: 'compare probes' });
  const labels = draw({ count: 400, kinds: 4, random });
  const noise = planted({ labels, signal: 0, random });
  const read = planted({ labels, signal: 4, random });

  it('says that a planted fact is read, with every state held out once', () => {
    const found = compareProbes({ states: read, labels, baselines: [{ name: 'untrained model', states: noise }] });
    expect(found.verdict).toBe('read from the thought');
    expect(found.accuracy.value).toBeGreaterThan(0.9);
    expect(found.baselines.map(({ name }) => name)).toEqual(['commonest label', 'shuffled labels', 'untrained model']);
    for (const { accuracy, difference } of found.baselines) {
      expect(accuracy.value).toBeLessThan(0.4);
      expect(difference.value).toBeCloseTo(found.accuracy.value - accuracy.value, 12);
      expect(difference.interval[0]).toBeGreaterThan(0.4);
    }
    expect(found).toMatchObject({ seen: null, labels: 4, states: 400, parameters: 4 * 13 });
    // 400 states were tested, not a share of them.
    expect((found.accuracy.value * 400) % 1).toBeCloseTo(0, 9);
    expect(found.accuracy.interval[1] - found.accuracy.interval[0]).toBeLessThan(0.07);
  });

  it('says that a fact is no better read where it is not there, and where a baseline holds it as well', () => {
    const absent = compareProbes({ states: noise, labels });
    expect(absent.verdict).toBe('no better than a baseline');
    expect(absent.accuracy.value).toBeLessThan(0.35);
    const other = planted({ labels, signal: 4, random });
    const inQuestion = compareProbes({ states: read, labels, baselines: [{ name: 'question', states: other }] });
    expect(inQuestion).toMatchObject({ verdict: 'no better than a baseline', closest: { name: 'question' } });
    expect(inQuestion.accuracy.value).toBeGreaterThan(0.9);
  });

  it('cannot tell from few states', () => {
    // With 400 states the same planted fact is read.
    const few = compareProbes({ states: read.slice(0, 16), labels: labels.slice(0, 16).map((label) => label % 2) });
    expect(few.verdict).toBe('cannot tell');
  });

  it('sees through a probe that learns the inputs by heart: a control task is learned as well', () => {
    // Ten kinds of question, each a direction of its own; the label goes by the question.
    const types = draw({ count: 400, kinds: 10, random });
    const byHeart = types.map((type) => type % 2);
    const states = types.map((type) =>
      Float32Array.from({ length: 12 }, (_, unit) => 0.3 * gaussian(random) + (unit === type ? 4 : 0)),
    );
    const found = compareProbes({ states, labels: byHeart, types, seeds: [0, 1] });
    expect(found.accuracy.value).toBeGreaterThan(0.95);
    expect(found.seen).toBe(1);
    const control = found.baselines.find(({ name }) => name === 'control task')!;
    expect(control.accuracy.value).toBeGreaterThan(0.95);
    expect(found).toMatchObject({ verdict: 'no better than a baseline', closest: { name: 'control task' } });
    // The same label beside the question's direction, whatever the question: selective.
    const beside = draw({ count: 400, kinds: 2, random });
    const many = draw({ count: 400, kinds: 80, random });
    const selective = compareProbes({
      states: planted({ labels: beside, signal: 5, random }),
      labels: beside,
      types: many,
    });
    expect(selective.verdict).toBe('read from the thought');
    expect(selective.baselines.find(({ name }) => name === 'control task')!.difference.value).toBeGreaterThan(0.3);
  });

  it('counts the states of a group once, and never tests a group on itself', () => {
    const groups = labels.map((_, index) => Math.floor(index / 8));
    const alone = compareProbes({ states: read, labels });
    const together = compareProbes({ states: read, labels, groups });
    const widthOf = ({ accuracy: { interval } }: typeof alone) => interval[1] - interval[0];
    expect(widthOf(together)).toBeGreaterThan(2 * widthOf(alone));
    // Each group has a direction and a label that mean nothing elsewhere.
    const centres = Array.from({ length: 50 }, () => Array.from({ length: 64 }, () => 3 * gaussian(random)));
    const own = centres.map(() => random.integer(2));
    const states = groups.map((group) => Float32Array.from(centres[group]!, (value) => value + 0.1 * gaussian(random)));
    const given = groups.map((group) => own[group]!);
    expect(compareProbes({ states, labels: given }).accuracy.value).toBeGreaterThan(0.95);
    expect(compareProbes({ states, labels: given, groups }).accuracy.value).toBeLessThan(0.75);
  });

  it('is the same each time, another with another seed, and the mean over seeds', () => {
    const weak = planted({ labels, signal: 1.5, random });
    const at = (seeds: number[]) => compareProbes({ states: weak, labels, seeds });
    expect(at([1])).toEqual(at([1]));
    const [one, other, both] = [at([1]), at([2]), at([1, 2])];
    expect(one.accuracy.value).not.toBe(other.accuracy.value);
    expect(both.bySeed).toEqual([one.accuracy.value, other.accuracy.value]);
    expect(both.accuracy.value).toBeCloseTo((one.accuracy.value + other.accuracy.value) / 2, 12);
  });

  it('refuses what cannot be compared', () => {
    expect(() => compareProbes({ states: read, labels, folds: 1 })).toThrowError(/at least 2/);
    expect(() => compareProbes({ states: read, labels, baselines: [{ name: 'short', states: [[1]] }] })).toThrowError(
      expect.objectContaining({ code: 'length-mismatch' }),
    );
    expect(() => compareProbes({ states: read, labels, groups: labels.map(() => 'one') })).toThrowError(/at least two/);
  });
});
