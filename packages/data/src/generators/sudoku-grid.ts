import type { RandomStream } from '@subtext/core';

/** A grid of digits, row after row; 0 is an empty cell. */
export type SudokuCells = readonly number[];

/** The sides that puzzles may have, with the rows and columns of a box. */
export const sudokuBoxes: Readonly<Record<number, { rows: number; columns: number }>> = {
  4: { rows: 2, columns: 2 },
  6: { rows: 2, columns: 3 },
};

/** What belongs together in a grid of one side: rows, columns and boxes, as lists of cells; and of each cell the others it must differ from. */
export class SudokuRules {
  readonly side: number;
  readonly groups: readonly (readonly number[])[];
  readonly peers: readonly (readonly number[])[];

  constructor(side: number) {
    const { rows, columns } = sudokuBoxes[side]!;
    const cells = Array.from({ length: side * side }, (_, cell) => cell);
    const group = (of: (row: number, column: number) => number) => {
      const lists = Array.from({ length: side }, (): number[] => []);
      for (const cell of cells) lists[of(Math.floor(cell / side), cell % side)]!.push(cell);
      return lists;
    };
    this.side = side;
    this.groups = [
      ...group((row) => row),
      ...group((_, column) => column),
      ...group((row, column) => Math.floor(row / rows) * (side / columns) + Math.floor(column / columns)),
    ];
    this.peers = cells.map((cell) => {
      const together = this.groups.filter((list) => list.includes(cell)).flat();
      return [...new Set(together)].filter((other) => other !== cell);
    });
  }

  /** The digits that a cell may still hold, as bits: digit d is bit d. */
  candidates({ cells, cell }: { cells: SudokuCells; cell: number }): number {
    let free = 2 ** (this.side + 1) - 2;
    for (const other of this.peers[cell]!) free &= ~(1 << cells[other]!);
    return free;
  }

  /**
   * The solutions of a grid, at most `limit` of them: always the cell with the fewest candidates next.
   *
   * @returns none where the grid contradicts itself
   */
  solutions({
    cells,
    limit,
    random,
  }: {
    cells: SudokuCells;
    limit: number;
    /** Draws the order in which digits are tried. @default ascending */ random?: RandomStream;
  }): number[][] {
    const found: number[][] = [];
    const grid = [...cells];
    const search = (): void => {
      let best = -1;
      let choices: number[] = [];
      for (const [cell, digit] of grid.entries()) {
        if (digit !== 0) continue;
        const own = digitsOf(this.candidates({ cells: grid, cell }));
        if (best >= 0 && own.length >= choices.length) continue;
        best = cell;
        choices = own;
      }
      if (best < 0) {
        found.push([...grid]);
        return;
      }
      for (const digit of random ? random.shuffle(choices) : choices) {
        grid[best] = digit;
        search();
        grid[best] = 0;
        if (found.length >= limit) return;
      }
    };
    search();
    return found;
  }

  /**
   * A grid with every cell filled in that is forced: it has one candidate left, or is the only place in a row, column or box
   * for a digit. Undefined where none is.
   */
  forced(cells: SudokuCells): number[] | undefined {
    const next = [...cells];
    const free = cells.map((digit, cell) => (digit === 0 ? this.candidates({ cells, cell }) : 0));
    for (const [cell, bits] of free.entries()) {
      const digits = digitsOf(bits);
      if (digits.length === 1) next[cell] = digits[0]!;
    }
    for (const group of this.groups)
      for (let digit = 1; digit <= this.side; digit++) {
        const places = group.filter((cell) => (free[cell]! & (1 << digit)) !== 0);
        if (places.length === 1) next[places[0]!] = digit;
      }
    return next.some((digit, cell) => digit !== cells[cell]) ? next : undefined;
  }
}

function digitsOf(bits: number): number[] {
  const digits: number[] = [];
  for (let digit = 1; bits >> digit !== 0; digit++) if ((bits & (1 << digit)) !== 0) digits.push(digit);
  return digits;
}

/** The same for all puzzles that a symmetry turns into each other: see {@link SudokuSymmetry.canonical}. */
export class SudokuSymmetry {
  readonly #side: number;
  /** By symmetry, which cell stands at each place. */
  readonly #arrangements: readonly Uint8Array[];

  constructor(side: number) {
    const box = sudokuBoxes[side]!;
    this.#side = side;
    const rows = linesInBands({ bands: side / box.rows, lines: box.rows });
    const columns = linesInBands({ bands: side / box.columns, lines: box.columns });
    const places = Array.from({ length: side * side }, (_, place) => place);
    this.#arrangements = rows.flatMap((rowOrder) =>
      columns.flatMap((columnOrder) => {
        const at = (row: number, column: number) => rowOrder[row]! * side + columnOrder[column]!;
        const straight = Uint8Array.from(places, (place) => at(Math.floor(place / side), place % side));
        // A transposed grid has boxes of the same shape only where they are square.
        if (box.rows !== box.columns) return [straight];
        return [straight, Uint8Array.from(places, (place) => at(place % side, Math.floor(place / side)))];
      }),
    );
  }

  /** How many arrangements of the cells are symmetries; with each the digits may be exchanged too. */
  get arrangements(): number {
    return this.#arrangements.length;
  }

  /**
   * The first, in the order of digits, of all grids that come of a puzzle by exchanging digits, bands, stacks, rows in a band,
   * columns in a stack and, with square boxes, rows for columns. Digits are numbered as they appear.
   */
  canonical(cells: SudokuCells): string {
    const count = this.#side * this.#side;
    let best: Uint8Array | undefined;
    for (const order of this.#arrangements) {
      const own = new Uint8Array(count);
      const names = new Uint8Array(this.#side + 1);
      let named = 0;
      let isLess = best === undefined;
      let place = 0;
      for (; place < count; place++) {
        const digit = cells[order[place]!]!;
        if (digit !== 0 && names[digit] === 0) names[digit] = ++named;
        own[place] = names[digit]!;
        if (isLess || own[place] === best![place]) continue;
        if (own[place]! > best![place]!) break;
        isLess = true;
      }
      if (place === count && isLess) best = own;
    }
    return best!.join('');
  }
}

/** All orders of lines that keep those of a band together. */
function linesInBands({ bands, lines }: { bands: number; lines: number }): number[][] {
  const inside = orders(lines);
  return orders(bands).flatMap((order) =>
    order.reduce<number[][]>(
      (before, band) =>
        before.flatMap((start) => inside.map((own) => [...start, ...own.map((line) => band * lines + line)])),
      [[]],
    ),
  );
}

function orders(count: number): number[][] {
  if (count === 0) return [[]];
  return orders(count - 1).flatMap((rest) =>
    Array.from({ length: count }, (_, place) => [...rest.slice(0, place), count - 1, ...rest.slice(place)]),
  );
}
