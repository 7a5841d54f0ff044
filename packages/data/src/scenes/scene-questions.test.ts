import { describe, expect, test } from 'vitest';
import { questionOnlyBaseline } from '../measures/question-only-baseline';
import { RandomStream } from '@subtext/core';
import { drawSplits } from './draw-splits';
import { drawQuestion, possibleAnswers, sceneQuestionTypes, describeQuestion } from './scene-questions';
import { SceneGrid } from './scene-world';
import type { Scene } from './scene-world';

const walks = ['walk-shape', 'walk-colour'] as const;
const grids = [new SceneGrid({ rows: 2, columns: 2 }), new SceneGrid({ rows: 2, columns: 3 })];

/** Draws questions with every answer of a type equally often. */
function draw(options: { type: (typeof sceneQuestionTypes)[number]; grid: SceneGrid; count: number }) {
  const { type, grid, count } = options;
  const random = new RandomStream({ seed: 7, name: type });
  const answers = possibleAnswers({ type, grid });
  return Array.from({ length: count }, (_, index) =>
    drawQuestion({ type, answer: answers[index % answers.length]!, grid, random }),
  );
}

/** Pearson's χ² of pairs against independence of their two sides, in standard deviations √(2·freedom) above its mean `freedom`. */
function dependence(pairs: readonly (readonly [string, string])[]): number {
  const count = (keys: readonly string[]): Map<string, number> =>
    keys.reduce((counts, key) => counts.set(key, (counts.get(key) ?? 0) + 1), new Map<string, number>());
  const rows = count(pairs.map(([row]) => row));
  const columns = count(pairs.map(([, column]) => column));
  const cells = count(pairs.map((pair) => pair.join('\n')));
  let statistic = 0;
  for (const [row, inRow] of rows) {
    for (const [column, inColumn] of columns) {
      const expected = (inRow * inColumn) / pairs.length;
      statistic += ((cells.get(`${row}\n${column}`) ?? 0) - expected) ** 2 / expected;
    }
  }
  const freedom = (rows.size - 1) * (columns.size - 1);
  return (statistic - freedom) / Math.sqrt(2 * freedom);
}

describe('walks', () => {
  test.each(grids)('a grid of $rows × $columns: half go on, never back; all places, moves and ends occur', (grid) => {
    for (const type of walks) {
      const questions = draw({ type, grid, count: 3000 });
      const onward = questions.filter((question) => question.secondMove !== undefined);
      expect(Math.abs(onward.length / questions.length - 1 / 2)).toBeLessThan(4 * Math.sqrt(0.25 / questions.length));
      for (const { anchor, move, secondMove, target } of questions) {
        const reached = grid.neighbor({ cell: anchor, move })!;
        expect(target).toBe(secondMove === undefined ? reached : grid.neighbor({ cell: reached, move: secondMove }));
        expect(target).not.toBe(anchor);
      }
      expect(new Set(questions.map(({ anchor }) => anchor)).size).toBe(grid.cells);
      expect(new Set(onward.map(({ target }) => target)).size).toBe(grid.cells);
      expect(new Set(onward.map(({ secondMove }) => secondMove)).size).toBe(4);
    }
  });

  test('where a walk can only turn back, it stays put', () => {
    const grid = new SceneGrid({ rows: 1, columns: 2 });
    const told = draw({ type: 'walk-colour', grid, count: 60 }).map((question) => describeQuestion({ question, grid }));
    expect(new Set(told.map(({ question }) => question))).toEqual(
      new Set([
        'start at the left , go right , then stay put . what colour is there ?',
        'start at the right , go left , then stay put . what colour is there ?',
      ]),
    );
  });

  test('are told in whole sentences', () => {
    const grid = grids[0]!;
    const scene: Scene = {
      colours: ['red', 'green', 'blue', 'white'],
      shapes: ['circle', 'cross', 'square', 'circle'],
    };
    const question = { scene, anchor: 0, move: 'right' as const };
    expect(
      describeQuestion({
        question: { ...question, type: 'walk-shape', secondMove: 'down', target: 3, answer: 'circle' },
        grid,
      }),
    ).toEqual({
      question: 'start at the top-left , go right , then go down . what shape is there ?',
      summary: 'first start at the top-left , then go right , then go down , then name the shape found there .',
      caption:
        'in the top-left there is a red circle . in the top-right there is a green cross . in the bottom-left there is a blue square . in the bottom-right there is a white circle .',
      reasoning:
        'from the top-left go right to the top-right . then go down to the bottom-right . in the bottom-right there is a white circle . so the shape is circle .',
      answer: 'circle',
    });
    expect(
      describeQuestion({ question: { ...question, type: 'walk-colour', target: 1, answer: 'green' }, grid }),
    ).toMatchObject({
      question: 'start at the top-left , go right , then stay put . what colour is there ?',
      reasoning:
        'from the top-left go right to the top-right . then stay put in the top-right . in the top-right there is a green cross . so the colour is green .',
    });
  });
});

describe.each(sceneQuestionTypes)('%s', (type) => {
  test.each(grids)('a grid of $rows × $columns: the question and the answer are independent', (grid) => {
    const pairs = draw({ type, grid, count: 6000 }).map(
      (question) => [describeQuestion({ question, grid }).question, question] as const,
    );
    const named = (words: string): string =>
      type === 'colour' || type === 'twin' ? (/the (\w+) object/.exec(words)![1] as string) : '';
    if (named(pairs[0]![0]) === '') {
      expect(dependence(pairs.map(([words, { answer }]) => [words, answer]))).toBeLessThan(4);
      return;
    }
    // A colour asked for is never the named one; among the five others it depends on nothing.
    expect(dependence(pairs.map(([words, { answer }]) => [words, answer]))).toBeGreaterThan(20);
    for (const [words, { answer }] of pairs) expect(answer).not.toBe(named(words));
    for (const colour of possibleAnswers({ type, grid })) {
      const here = pairs.filter(([words]) => named(words) === colour);
      const frequency = new Map<string, number>();
      for (const [, { answer }] of here) frequency.set(answer, (frequency.get(answer) ?? 0) + 1);
      expect(frequency.size).toBe(5);
      for (const number of frequency.values())
        expect(Math.abs(number / here.length - 1 / 5)).toBeLessThan(4.5 * Math.sqrt(0.16 / here.length));
      expect(dependence(here.map(([words, { answer }]) => [words, answer]))).toBeLessThan(4);
    }
  });

  test.each(grids)('a grid of $rows × $columns: the question tells nothing of what any cell holds', (grid) => {
    const questions = draw({ type, grid, count: 3000 }).map(
      (question) => [describeQuestion({ question, grid }).question, question.scene] as const,
    );
    for (let cell = 0; cell < grid.cells; cell += 1) {
      expect(dependence(questions.map(([words, scene]) => [words, scene.shapes[cell]!]))).toBeLessThan(4.5);
      // Where a colour is named, the picture holds it: then it is only the cells' part in it that must not show.
      if (type.startsWith('walk-'))
        expect(dependence(questions.map(([words, scene]) => [words, scene.colours[cell]!]))).toBeLessThan(4.5);
    }
  });
});

test('a lookup of questions answers no more than chance', () => {
  const grid = grids[0]!;
  const drawn = drawSplits({
    seed: 3,
    grid,
    types: sceneQuestionTypes,
    counts: { train: 6000, validation: 0, test: 3000 },
  });
  const told = (split: 'train' | 'test') =>
    drawn[split].map((question) => ({ category: question.type, ...describeQuestion({ question, grid }) }));
  const { byCategory } = questionOnlyBaseline({ train: told('train'), heldOut: told('test') });
  // 500 held-out questions a type; a colour that the question names is not the answer.
  const chances = { 'walk-shape': 1 / 4, 'walk-colour': 1 / 6, shape: 1 / 4, colour: 1 / 5, twin: 1 / 5, count: 1 / 3 };
  for (const [type, chance] of Object.entries(chances)) {
    expect(byCategory[type]!.examples).toBe(500);
    expect(byCategory[type]!.accuracy).toBeLessThan(chance + 4 * Math.sqrt((chance * (1 - chance)) / 500));
  }
});
