import type { DecodedImage, ReasoningExample, SceneObject } from '@subtext/data';
import type { Drawer } from '@subtext/decoder';
import type { Answer } from '@subtext/reasoner';
import { describe, expect, test } from 'vitest';

import { evaluateDrawings } from './evaluate-drawings';

const levels = { red: [240, 60, 60], blue: [80, 110, 250] } as const;
type Colour = keyof typeof levels;

/** Two squares side by side on a canvas of two cells of 8 pixels, in the colours of the codes; black for code 0. */
function draw(codes: readonly number[]): DecodedImage {
  const data = new Uint8Array(16 * 8 * 3);
  for (const [cell, code] of codes.entries())
    for (let y = 1; y < 7; y++)
      for (let x = 1; x < 7; x++)
        if (code > 0) data.set(levels[code === 1 ? 'red' : 'blue'], (y * 16 + 8 * cell + x) * 3);
  return { data, width: 16, height: 8 };
}

/** A drawer whose thought is the codes of both cells. */
const drawer = {
  settings: { stage: 'caption', thoughts: 1 },
  draw: ({ thoughts }: { thoughts: readonly (readonly Float32Array[])[] }) =>
    Promise.resolve(thoughts.map(([state]) => draw([...state!]))),
} as unknown as Drawer;

const objects = (colours: readonly [Colour, Colour]): SceneObject[] =>
  ['left', 'right'].map((place, cell) => ({ place, shape: 'square', colour: colours[cell]! }));
const example = (id: string, colours: readonly [Colour, Colour]): ReasoningExample => ({
  id,
  question: 'what ?',
  steps: [{ name: 'caption', text: 'two squares' }],
  answer: 'square',
  facts: { kind: 'scene', rows: 1, columns: 2, objects: objects(colours) },
});
const answer = (...codes: number[][]): Answer =>
  ({
    thoughts: codes.map((code, index) => ({
      stage: 'caption',
      index,
      position: index,
      input: 1,
      hidden: Float32Array.from(code),
    })),
  }) as unknown as Answer;

const examples = [example('1', ['red', 'blue']), example('2', ['blue', 'blue']), example('3', ['red', 'red'])];
const of = (right: number, total: number) => ({ right, total });

describe('evaluateDrawings', () => {
  test('counts what is drawn right from own thoughts, another’s and zeros', async () => {
    const { stage, scores, pictures } = await evaluateDrawings({
      drawer,
      examples,
      answers: [answer([1, 2]), answer([2, 2]), answer([1, 1])],
    });
    expect(stage).toBe('caption');
    expect(scores.own).toEqual({ count: 3, objects: of(6, 6), colours: of(6, 6), shapes: of(6, 6) });
    // The second for the first (one right), the third for the second (none), the first for the third (one).
    expect(scores.another).toEqual({ count: 3, objects: of(2, 6), colours: of(2, 6), shapes: of(6, 6) });
    expect(scores.zeros).toEqual({ count: 3, objects: of(0, 6), colours: of(0, 6), shapes: of(0, 6) });
    expect(pictures[1]).toEqual(draw([2, 2]));
  });

  test('an answer without the stage’s thoughts is wrong, an example without a scene is left out', async () => {
    const { facts: _facts, ...plain } = examples[2]!;
    const { scores, pictures } = await evaluateDrawings({
      drawer,
      examples: [examples[0]!, examples[1]!, plain],
      answers: [answer([1, 2]), answer(), answer([1, 1])],
    });
    expect(scores.own).toEqual({ count: 2, objects: of(2, 4), colours: of(2, 4), shapes: of(2, 4) });
    expect(pictures).toEqual([draw([1, 2]), null, null]);
    await expect(evaluateDrawings({ drawer, examples: [plain], answers: [answer([1, 1])] })).rejects.toMatchObject({
      code: 'empty-set',
    });
    await expect(evaluateDrawings({ drawer, examples, answers: [] })).rejects.toMatchObject({
      code: 'length-mismatch',
    });
  });
});
