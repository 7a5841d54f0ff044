import { describe, expect, it } from 'vitest';

import { parseWeightedLabels } from '../measures/weighted-labels';
import { generateCoveredCells } from './covered-cells';

const cycle = ['red', 'green', 'blue', 'yellow'];

function take(count: number, options = {}) {
  return [...generateCoveredCells({ count, seed: 5, ...options })];
}

describe('covered cells', () => {
  it('are what is left of the cards, and the answer as many colours further', () => {
    for (const { question, steps, answer, metadata } of take(200)) {
      const [, cards, row, turn] = /^cards (.*) row (.*) turn \+(\d)$/.exec(question)!;
      const left = cards!.split(' ');
      for (const cell of row!.split(' ')) if (cell !== '?' && cell !== '_') left.splice(left.indexOf(cell), 1);
      expect(row!.split(' ').filter((cell) => cell === '?')).toHaveLength(1);
      expect(row!.split(' ')).toHaveLength(8);
      expect(left).toHaveLength(row!.split(' ').filter((cell) => cell === '?' || cell === '_').length);
      expect(steps[0]!.text).toBe(`left ${left.join(' ')}`);
      const { covered, coveredPosterior, posterior } = metadata!;
      const after = (colour: string) => cycle[(cycle.indexOf(colour) + Number(turn)) % 4]!;
      expect(left).toContain(covered);
      expect(steps.slice(1).map(({ text }) => text)).toEqual([
        `covered ${covered}`,
        `${covered} +${turn} ${after(covered!)}`,
      ]);
      expect(answer).toBe(after(covered!));
      const truth = parseWeightedLabels(coveredPosterior!);
      for (const [colour, probability] of truth)
        expect(probability).toBeCloseTo(left.filter((one) => one === colour).length / left.length, 12);
      expect(parseWeightedLabels(posterior!)).toEqual(new Map([...truth].map(([colour, p]) => [after(colour), p])));
    }
  });

  it('are drawn as often as their distribution says', () => {
    const examples = take(4000);
    const likeliest = examples.map(({ metadata }) => {
      const [[label, probability]] = [...parseWeightedLabels(metadata!.coveredPosterior!)].sort(
        ([, one], [, other]) => other - one,
      ) as [[string, number]];
      return { probability, hit: metadata!.covered === label };
    });
    for (const wanted of [1, 3 / 4, 2 / 3, 1 / 2, 1 / 3]) {
      const those = likeliest.filter(({ probability }) => Math.abs(probability - wanted) < 1e-9);
      expect(those.length).toBeGreaterThan(60);
      const error = Math.sqrt((wanted * (1 - wanted)) / those.length);
      const hits = those.filter(({ hit }) => hit).length;
      expect(Math.abs(hits / those.length - wanted)).toBeLessThanOrEqual(4 * error);
    }
  });

  it('come out the same again, in other sizes too', () => {
    expect(take(20)).toEqual(take(20));
    const [small] = take(1, { cells: 3, covered: 2, colours: 2 });
    expect(small!.question).toMatch(/^cards( (red|green)){3} row( (red|green|\?|_)){3} turn \+1$/);
  });

  it.each([
    [{ cells: 2 }, /cells: 2 .* 3 to 16/],
    [{ covered: 8 }, /covered: 8 .* 2 to 7/],
    [{ covered: 1 }, /covered: 1/],
    [{ colours: 7 }, /colours: 7 .* 2 to 6/],
    [{ count: -1 }, /count/],
  ])('refuses %j', (options, message) => {
    expect(() => take(1, options)).toThrow(message);
  });
});
