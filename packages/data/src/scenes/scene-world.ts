import { DataError } from '../errors';
import type { SceneObject } from '../reasoning-example';

/** The colours of shapes, as red, green, blue, on black. */
export const sceneColours = {
  red: [240, 60, 60],
  green: [60, 200, 80],
  blue: [80, 110, 250],
  yellow: [240, 215, 60],
  purple: [190, 90, 220],
  white: [235, 235, 235],
} as const satisfies Record<string, readonly [number, number, number]>;

export type SceneColour = keyof typeof sceneColours;
export const sceneColourNames = Object.keys(sceneColours) as SceneColour[];

export const sceneShapes = ['circle', 'square', 'triangle', 'cross'] as const;
export type SceneShape = (typeof sceneShapes)[number];

const rowNames: Record<number, string[]> = { 1: [''], 2: ['top', 'bottom'], 3: ['top', 'middle', 'bottom'] };
const columnNames: Record<number, string[]> = {
  1: [''],
  2: ['left', 'right'],
  3: ['left', 'centre', 'right'],
  4: ['first', 'second', 'third', 'fourth'],
};

/** The moves that a question can make, as `[rows, columns]`. */
const moves = { right: [0, 1], left: [0, -1], down: [1, 0], up: [-1, 0] } as const;
export type SceneMove = keyof typeof moves;

/** Rows and columns of cells, each with a name; cells are numbered in reading order. */
export class SceneGrid {
  readonly rows: number;
  readonly columns: number;
  /** The cells' names, for example `top-left`: one word each, which small models learn several times faster than two. */
  readonly places: readonly string[];

  /** @throws DataError `invalid-option` for a grid that has no words for its places */
  constructor(options: { rows: number; columns: number }) {
    const { rows, columns } = options;
    const vertical = rowNames[rows];
    const horizontal = columnNames[columns];
    if (!vertical || !horizontal || rows * columns < 2) {
      throw new DataError({
        code: 'invalid-option',
        message: `a grid of ${rows} × ${columns} is not supported: rows are 1 to 3, columns 1 to 4, cells at least 2.`,
      });
    }
    this.rows = rows;
    this.columns = columns;
    this.places = vertical.flatMap((row) =>
      horizontal.map((column) => [row, column].filter((part) => part !== '').join('-')),
    );
  }

  get cells(): number {
    return this.rows * this.columns;
  }

  /** The cell that a move leads to, or undefined beyond the edge. */
  neighbor(options: { cell: number; move: SceneMove }): number | undefined {
    const [down, right] = moves[options.move];
    const row = Math.floor(options.cell / this.columns) + down;
    const column = (options.cell % this.columns) + right;
    return row >= 0 && row < this.rows && column >= 0 && column < this.columns
      ? row * this.columns + column
      : undefined;
  }

  /** The moves that lead from `cell` to another cell. */
  movesFrom(cell: number): SceneMove[] {
    return (Object.keys(moves) as SceneMove[]).filter((move) => this.neighbor({ cell, move }) !== undefined);
  }
}

/** All names of places, over all grids, the longest first. */
export const allPlaces: readonly string[] = [
  ...new Set(
    [1, 2, 3].flatMap((rows) =>
      [1, 2, 3, 4].flatMap((columns) => (rows * columns < 2 ? [] : new SceneGrid({ rows, columns }).places)),
    ),
  ),
].sort((a, b) => b.length - a.length || (a < b ? -1 : 1));

/** What a picture shows: the colour and shape in every cell, in reading order. */
export interface Scene {
  colours: SceneColour[];
  shapes: SceneShape[];
}

/** The scene as facts in words. */
export function sceneObjects(options: { scene: Scene; grid: SceneGrid }): SceneObject[] {
  const { scene, grid } = options;
  return grid.places.map((place, cell) => ({ colour: scene.colours[cell]!, shape: scene.shapes[cell]!, place }));
}
