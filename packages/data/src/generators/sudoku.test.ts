import { RandomStream } from '@subtext/core';
import { describe, expect, it } from 'vitest';

import type { ReasoningExample } from '../reasoning-example';
import { generateSudoku, sudokuKind } from './sudoku';
import { SudokuRules, SudokuSymmetry, sudokuBoxes } from './sudoku-grid';

const cellsOf = (text: string) => text.split(' ').map((cell) => (cell === '.' ? 0 : Number(cell)));
const written = (cells: readonly number[]) => cells.map((digit) => (digit === 0 ? '.' : digit)).join(' ');
const take = (options: NonNullable<Parameters<typeof generateSudoku>[0]>): ReasoningExample[] => [
  ...generateSudoku(options),
];

describe.each([4, 6])('side %d', (side) => {
  const rules = new SudokuRules(side);
  const examples = take({ side, count: 40, seed: 7 });

  it('gives puzzles with one solution, which is the answer', () => {
    for (const { question, answer } of examples) {
      const cells = cellsOf(question);
      expect(rules.solutions({ cells, limit: 3 }).map(written)).toEqual([answer]);
      for (const group of rules.groups)
        expect(group.map((cell) => cellsOf(answer)[cell]).sort()).toEqual(
          Array.from({ length: side }, (_, index) => index + 1),
        );
    }
  });

  it('leaves between as many clues as a row has and half of the grid', () => {
    const clues = examples.map(({ question }) => cellsOf(question).filter((digit) => digit !== 0).length);
    for (const count of clues) {
      expect(count).toBeGreaterThanOrEqual(side);
      expect(count).toBeLessThanOrEqual((side * side) / 2);
    }
    expect(new Set(clues).size).toBeGreaterThan(2);
  });

  it('has a step for each round, each keeping what stood there, the solved grid last', () => {
    for (const { question, steps, answer } of examples) {
      let before = cellsOf(question);
      for (const { text } of steps) {
        const grid = cellsOf(text);
        for (const [cell, digit] of before.entries()) if (digit !== 0) expect(grid[cell]).toBe(digit);
        expect(text).not.toBe(written(before));
        before = grid;
      }
      expect(written(before)).toBe(answer);
    }
  });

  it('knows a puzzle again whatever symmetry it goes through, and tells others apart', () => {
    const random = new RandomStream({ seed: 3, name: 'symmetries' });
    const { rows, columns } = sudokuBoxes[side]!;
    const lines = (inBand: number) => {
      const bands = random.shuffle(Array.from({ length: side / inBand }, (_, band) => band));
      return bands.flatMap((band) => random.shuffle(Array.from({ length: inBand }, (_, line) => band * inBand + line)));
    };
    for (const { question } of examples.slice(0, 10)) {
      const cells = cellsOf(question);
      const [rowOrder, columnOrder] = [lines(rows), lines(columns)];
      const names = random.shuffle(Array.from({ length: side }, (_, index) => index + 1));
      const turned = side === 4 && random.uniform() < 0.5;
      const moved = cells.map((_, place) => {
        const [row, column] = [Math.floor(place / side), place % side];
        const [from, to] = turned ? [column, row] : [row, column];
        const digit = cells[rowOrder[from]! * side + columnOrder[to]!]!;
        return digit === 0 ? 0 : names[digit - 1]!;
      });
      expect(sudokuKind(written(moved))).toBe(sudokuKind(question));
      // One clue less is another puzzle.
      const clue = moved.findIndex((digit) => digit !== 0);
      expect(sudokuKind(written(moved.map((digit, cell) => (cell === clue ? 0 : digit))))).not.toBe(
        sudokuKind(question),
      );
    }
    expect(new SudokuSymmetry(side).arrangements).toBe(side === 4 ? 8 * 8 * 2 : 48 * 72);
  });
});

it('is the same for the same seed', () => {
  expect(take({ count: 3, seed: 1 })).toEqual(take({ count: 3, seed: 1 }));
  expect(take({ count: 3, seed: 1 })).not.toEqual(take({ count: 3, seed: 2 }));
});

it('refuses sides and clues that there are not', () => {
  for (const [options, message] of [
    [{ side: 9 }, /side: 9 is not 4 or 6/],
    [{ fewestClues: 9, mostClues: 5 }, /fewestClues 9 and mostClues 5/],
    [{ mostClues: 16 }, /mostClues 16 are not whole numbers from 1 to 15/],
    [{ fewestClues: 0.5 }, /fewestClues 0\.5/],
    [{ seed: 0.5 }, /seed: 0\.5/],
  ] as const)
    expect(() => take({ count: 1, ...options })).toThrow(message);
});

it('finds no solution where a grid contradicts itself, and nothing forced in an empty one', () => {
  const rules = new SudokuRules(4);
  const empty = new Array<number>(16).fill(0);
  expect(rules.forced(empty)).toBeUndefined();
  expect(rules.solutions({ cells: [1, 2, 3, 0, 0, 0, 0, 4, ...empty.slice(8)], limit: 1 })).toEqual([]);
});
