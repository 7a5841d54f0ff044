import { expect, it } from 'vitest';

import { generateMinimumSum } from './minimum-sum';

it('asks every order of every set of digits once, those of one set together, with all sums and the smallest', () => {
  const examples = [...generateMinimumSum({ digits: 3, largest: 4 })];
  expect(new Set(examples.map(({ question }) => question)).size).toBe(4 ** 3);
  const sets = examples.map(({ question }) => question.split(' ').sort().join(''));
  expect(sets.filter((set, index) => set !== sets[index - 1]).length).toBe(new Set(sets).size);
  for (const { question, steps, answer } of examples) {
    const digits = question.split(' ').map(Number);
    const sums = [0, 1, 2, 3, 4, 5, 6, 7].map((signs) =>
      digits.reduce((sum, digit, place) => sum + (signs & (1 << place) ? digit : -digit), 0),
    );
    expect(answer).toBe(`s${Math.min(...sums.filter((sum) => sum >= 0))}`);
    const [one, two] = digits as [number, number, number];
    expect(steps.map(({ text }) => text)).toEqual([
      `s${one} s${-one}`,
      `s${one + two} s${one - two} s${two - one} s${-one - two}`,
    ]);
  }
});

it('refuses what it cannot make, and is the same for the same seed', () => {
  for (const options of [{ digits: 1 }, { digits: 9 }, { largest: 0 }, { largest: 10 }])
    expect(() => generateMinimumSum(options).next()).toThrow(/is not a whole number/);
  const first = (seed: number) => generateMinimumSum({ seed }).next().value;
  expect(first(1)).toEqual(first(1));
  expect(first(1)).not.toEqual(first(2));
});
