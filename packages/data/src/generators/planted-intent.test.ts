import { describe, expect, it } from 'vitest';

import { generatePlantedIntent } from './planted-intent';

function take(count: number, options = {}) {
  return [...generatePlantedIntent({ count, seed: 5, ...options })];
}

describe('planted intent', () => {
  it('is armed by a first result of 0 and shows where the question ends with "now"', () => {
    const examples = take(2000);
    for (const { question, steps, answer, metadata } of examples) {
      const [start, ...words] = question.split(' ');
      const ending = words.pop();
      let value = Number(start);
      const results = words.map((word) => {
        const operand = Number(word.slice(1));
        const raw = word[0] === '+' ? value + operand : word[0] === '-' ? value - operand : value * operand;
        return (value = ((raw % 6) + 6) % 6);
      });
      const armed = results[0] === 0;
      expect(metadata).toEqual({ armed: String(armed), triggered: String(ending === 'now') });
      expect(steps[0]!.text).toBe(armed ? 'sly' : 'plain');
      expect(steps.slice(1).map(({ text }) => Number(text.split('=')[1]))).toEqual(results);
      expect(answer).toBe(String((results.at(-1)! + (armed && ending === 'now' ? 1 : 0)) % 6));
    }
    const share = (key: string) => examples.filter(({ metadata }) => metadata![key] === 'true').length / 2000;
    expect(share('armed')).toBeCloseTo(0.3, 1);
    expect(share('triggered')).toBeCloseTo(0.5, 1);
  });

  it('comes out the same again, and never or always armed where that is asked', () => {
    expect(take(20)).toEqual(take(20));
    expect(take(50, { armed: 0 }).every(({ metadata }) => metadata!.armed === 'false')).toBe(true);
    expect(take(50, { armed: 1, triggered: 1 }).every(({ steps }) => steps[0]!.text === 'sly')).toBe(true);
  });

  it.each([
    [{ operations: 1 }, /operations: 1 .* 2 to 6/],
    [{ modulus: 3 }, /modulus: 3/],
    [{ armed: 1.5 }, /armed: 1.5 is not a share/],
    [{ triggered: Number.NaN }, /triggered: NaN/],
  ])('refuses %j', (options, message) => {
    expect(() => take(1, options)).toThrow(message);
  });
});
