import { RandomStream } from '@subtext/core';

import { DataError } from '../errors';
import type { ReasoningExample } from '../reasoning-example';
import { checkStream } from './check-stream';
import { type SudokuCells, SudokuRules, SudokuSymmetry, sudokuBoxes } from './sudoku-grid';
import { jsonArray, textGenerator } from './text-generator';

export interface GenerateSudokuOptions {
  /** @default Infinity: ask for as many as are needed */
  count?: number;
  /** @default 42 */
  seed?: number;
  /** Rows of a grid: 4 (boxes of 2×2) or 6 (boxes of 2 rows × 3 columns). @default 4 */
  side?: number;
  /** The fewest cells that are given; a puzzle has more where fewer would leave several solutions. @default as many as a row has */
  fewestClues?: number;
  /** The most cells that are given. @default half of the grid */
  mostClues?: number;
}

/**
 * Sudokus with one solution. A random solved grid is emptied cell by cell, in random order, wherever the solution stays the
 * only one, until a number of clues is left that is drawn evenly between the fewest and the most. Question and answer are
 * the cells row by row, `.` where one is empty (`. 2 . 4 …`), so that each answer stands at its cell's place. A step is the
 * grid after one more round in which every forced cell is filled in; where none is forced, the next step is the solution.
 */
export function* generateSudoku({
  count = Infinity,
  seed = 42,
  side = 4,
  fewestClues,
  mostClues,
}: GenerateSudokuOptions = {}): Generator<ReasoningExample> {
  checkStream({ count, seed });
  if (!Object.hasOwn(sudokuBoxes, side))
    throw new DataError({ code: 'invalid-option', message: `side: ${side} is not 4 or 6.` });
  const cellCount = side * side;
  const [fewest, most] = [fewestClues ?? side, mostClues ?? cellCount / 2];
  if (!Number.isInteger(fewest) || !Number.isInteger(most) || fewest < 1 || most < fewest || most >= cellCount)
    throw new DataError({
      code: 'invalid-option',
      message: `fewestClues ${fewest} and mostClues ${most} are not whole numbers from 1 to ${cellCount - 1}, the first the smaller.`,
    });
  const rules = new SudokuRules(side);
  const random = new RandomStream({ seed, name: `sudoku/${side}/${fewest}/${most}` });
  const empty = new Array<number>(cellCount).fill(0);
  for (let made = 1; made <= count;) {
    const solution = rules.solutions({ cells: empty, limit: 1, random })[0]!;
    const wanted = fewest + random.integer(most - fewest + 1);
    const cells = [...solution];
    let clues = cellCount;
    for (const cell of random.shuffle([...cells.keys()])) {
      if (clues === wanted) break;
      const digit = cells[cell]!;
      cells[cell] = 0;
      if (rules.solutions({ cells, limit: 2 }).length === 1) clues -= 1;
      else cells[cell] = digit;
    }
    if (clues > most) continue;
    yield {
      id: String(made++),
      question: written(cells),
      steps: rounds({ rules, cells, solution }).map((grid) => ({ text: written(grid) })),
      answer: written(solution),
    };
  }
}

/** The grid after each round of filling in what is forced, the solved one last. */
function rounds({
  rules,
  cells,
  solution,
}: {
  rules: SudokuRules;
  cells: SudokuCells;
  solution: SudokuCells;
}): SudokuCells[] {
  const grids: SudokuCells[] = [];
  let grid = cells;
  while (grid.includes(0)) grids.push((grid = rules.forced(grid) ?? solution));
  return grids;
}

function written(cells: SudokuCells): string {
  return cells.map((digit) => (digit === 0 ? '.' : String(digit))).join(' ');
}

const symmetries = new Map<number, SudokuSymmetry>();

/** The same text for all puzzles that a symmetry turns into each other: {@link SudokuSymmetry.canonical}. */
export function sudokuKind(question: string): string {
  const cells = question.split(' ').map((cell) => (cell === '.' ? 0 : Number(cell)));
  const side = Math.sqrt(cells.length);
  let symmetry = symmetries.get(side);
  if (!symmetry) symmetries.set(side, (symmetry = new SudokuSymmetry(side)));
  return symmetry.canonical(cells);
}

/** This generator as an entry of the registry. */
export const sudokuGenerator = textGenerator({
  name: 'sudoku',
  description: '4 × 4 or 6 × 6 Sudokus with a unique solution, solved round by round',
  format: 'coconut-json',
  defaultCounts: { train: 20000, validation: 500, test: 500 },
  options: {
    side: { description: 'grid size: 4 or 6', default: 4 },
    fewestClues: { description: 'minimum number of clues; 0: the grid size', default: 0 },
    mostClues: { description: 'maximum number of clues; 0: half the cells', default: 0 },
  },
  writer: jsonArray(({ question, steps, answer }) => ({ question, steps: steps.map((step) => step.text), answer })),
  generate: (seed, { side, fewestClues, mostClues }) =>
    generateSudoku({
      seed,
      side: side as number,
      fewestClues: fewestClues === 0 ? undefined : (fewestClues as number),
      mostClues: mostClues === 0 ? undefined : (mostClues as number),
    }),
  kind: ({ question }) => sudokuKind(question),
});
