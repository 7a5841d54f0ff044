import { describe, expect, it } from 'vitest';

import { parseWeightedLabels } from '../measures/weighted-labels';
import type { SceneFacts } from '../reasoning-example';
import { generateCoveredScenes } from './covered-scenes';
import { sceneColours } from './scene-world';

const cycle = ['red', 'green', 'blue', 'yellow'];

function take(count: number, options = {}) {
  return [...generateCoveredScenes({ count, seed: 5, ...options })];
}

describe('covered scenes', () => {
  it('have left what of the cards does not lie open, and answer as many colours further', () => {
    for (const { question, steps, answer, facts, metadata } of take(200)) {
      const [, cards, turn] = /^cards (.*) turn \+(\d)$/.exec(question)!;
      const left = cards!.split(' ');
      const { objects } = facts as SceneFacts;
      expect(objects).toHaveLength(3);
      for (const { colour } of objects) left.splice(left.indexOf(colour), 1);
      const [caption, told, covered, after] = steps.map(({ text }) => text);
      expect(caption!.split(' ').filter((word) => word !== 'covered')).toEqual(objects.map(({ colour }) => colour));
      expect(caption!.split(' ')).toHaveLength(4);
      expect(told).toBe(left.join(' '));
      expect(left).toContain(covered);
      expect(after).toBe(cycle[(cycle.indexOf(covered!) + Number(turn)) % 4]);
      expect(answer).toBe(after);
      expect(metadata!.covered).toBe(covered);
      const truth = parseWeightedLabels(metadata!.coveredPosterior!);
      for (const [colour, probability] of truth)
        expect(probability).toBeCloseTo(left.filter((one) => one === colour).length / left.length, 12);
      const moved = [...truth].map(([colour, share]) => [cycle[(cycle.indexOf(colour) + Number(turn)) % 4]!, share]);
      expect(parseWeightedLabels(metadata!.posterior!)).toEqual(new Map(moved as [string, number][]));
    }
  });

  it('show what lies open and hide what is covered', async () => {
    for (const { image, steps } of take(40)) {
      const { data, width, height } = await image!.load();
      expect([width, height]).toEqual([32, 32]);
      for (const [cell, word] of steps[0]!.text.split(' ').entries()) {
        const middle = (Math.floor(cell / 2) * 16 + 8) * width + (cell % 2) * 16 + 8;
        const pixel = [...data.slice(3 * middle, 3 * middle + 3)];
        const wanted = word === 'covered' ? [110, 110, 110] : sceneColours[word as keyof typeof sceneColours];
        for (const [channel, level] of pixel.entries())
          expect(Math.abs(level - wanted[channel]!)).toBeLessThanOrEqual(15);
      }
    }
  });

  it('come out the same again, pictures too, in other sizes too', async () => {
    const [first, again] = [take(3)[2]!, take(3)[2]!];
    expect({ ...again, image: undefined }).toEqual({ ...first, image: undefined });
    expect(await again.image!.load()).toEqual(await first.image!.load());
    expect(await first.image!.load()).toEqual(await first.image!.load());
    const [wide] = take(1, { columns: 3, colours: 2 });
    expect((wide!.facts as SceneFacts).objects).toHaveLength(5);
    expect((await wide!.image!.load()).width).toBe(48);
  });

  it.each([
    [{ left: 1 }, /left: 1 .* 2 to 12/],
    [{ colours: 6 }, /colours: 6 .* 2 to 5/],
    [{ rows: 4 }, /grid of 4 × 2/],
    [{ count: -1 }, /count/],
  ])('refuse %j', (options, message) => {
    expect(() => take(1, options)).toThrow(message);
  });
});
