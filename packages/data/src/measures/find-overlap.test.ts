import { describe, expect, it } from 'vitest';

import type { DecodedImage } from '../images/decoded-image';
import type { ReasoningExample } from '../reasoning-example';
import { contentKey } from './content-key';
import { findOverlap } from './find-overlap';

/** An example about a picture of one colour, which counts how often it is decoded. */
function about({
  id,
  question,
  colour,
}: {
  id: string;
  question: string;
  colour: number;
}): ReasoningExample & { decoded: () => number } {
  let decoded = 0;
  const load = async (): Promise<DecodedImage> => {
    decoded += 1;
    return { data: new Uint8Array(12).fill(colour), width: 2, height: 2 };
  };
  return { id, question, image: { path: `${id}.png`, load }, steps: [], answer: '', decoded: () => decoded };
}

describe('findOverlap', () => {
  it('finds one question about one picture, whatever the file is called, and no other', async () => {
    const train = [
      about({ id: 'a', question: 'What is it?', colour: 1 }),
      about({ id: 'b', question: 'What is it?', colour: 2 }),
      about({ id: 'c', question: 'Where?', colour: 1 }),
    ];
    const heldOut = [
      about({ id: 'x', question: ' what  is it?', colour: 2 }),
      about({ id: 'y', question: 'What is it?', colour: 3 }),
      about({ id: 'z', question: 'Who?', colour: 1 }),
    ];
    expect(await findOverlap({ train, heldOut })).toEqual({
      count: 1,
      share: 1 / 3,
      heldOutExamples: 3,
      trainExamples: 3,
      pairs: [{ train: 'b', heldOut: 'x' }],
    });
  });

  it('decodes only the pictures that both sets ask the same question about', async () => {
    const train = Array.from({ length: 50 }, (_, index) =>
      about({ id: `t${index}`, question: `Question ${index}?`, colour: index }),
    );
    const heldOut = [
      about({ id: 'x', question: 'Question 7?', colour: 7 }),
      about({ id: 'y', question: 'Another?', colour: 7 }),
    ];
    expect(await findOverlap({ train, heldOut })).toMatchObject({ count: 1, pairs: [{ train: 't7', heldOut: 'x' }] });
    expect(train.reduce((sum, { decoded }) => sum + decoded(), 0)).toBe(1);
    expect(heldOut.map(({ decoded }) => decoded())).toEqual([1, 0]);
  });

  it('gives what comparing every content key gives', async () => {
    const make = (prefix: string, count: number, step: number) =>
      Array.from({ length: count }, (_, index) =>
        about({ id: `${prefix}${index}`, question: `Q${(index * step) % 5}`, colour: (index * step) % 7 }),
      );
    const [train, heldOut] = [make('t', 12, 3), make('h', 30, 11)];
    const keys = new Set(await Promise.all(train.map(contentKey)));
    const expected = (await Promise.all(heldOut.map(contentKey))).filter((key) => keys.has(key)).length;
    expect(expected).toBeGreaterThan(0);
    expect(await findOverlap({ train, heldOut })).toMatchObject({ count: expected });
  });
});
