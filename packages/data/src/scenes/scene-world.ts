import { DataError } from '../errors';
import type { SceneObject } from '../reasoning-example';

/** The colours of shapes, as red, green, blue. */
export const sceneColours = {
  red: [220, 40, 40],
  green: [40, 170, 60],
  blue: [50, 80, 220],
  yellow: [235, 210, 50],
  purple: [150, 60, 180],
  black: [30, 30, 30],
} as const satisfies Record<string, readonly [number, number, number]>;

export type SceneColour = keyof typeof sceneColours;
export const sceneColourNames = Object.keys(sceneColours) as SceneColour[];

export const sceneShapes = ['circle', 'square', 'triangle', 'cross'] as const;
export type SceneShape = (typeof sceneShapes)[number];

const verticalNames: Record<number, string[]> = { 1: [''], 2: ['top', 'bottom'], 3: ['top', 'middle', 'bottom'] };
const horizontalNames: Record<number, string[]> = {
  1: [''],
  2: ['left', 'right'],
  3: ['left', 'centre', 'right'],
  4: ['first', 'second', 'third', 'fourth'],
};

/** The relations that a question can move by, as `[rows, columns]`. */
const relations = { 'right of': [0, 1], 'left of': [0, -1], below: [1, 0], above: [-1, 0] } as const;
export type SceneRelation = keyof typeof relations;

/** Rows and columns of cells, each with a name; cells are numbered in reading order. */
export class SceneGrid {
  readonly rows: number;
  readonly columns: number;
  /** The cells' names, for example `top left`. */
  readonly places: string[];

  /** @throws DataError `option-invalid` for a grid that has no words for its places */
  constructor(options: { rows: number; columns: number }) {
    const { rows, columns } = options;
    const vertical = verticalNames[rows];
    const horizontal = horizontalNames[columns];
    if (!vertical || !horizontal || rows * columns < 2) {
      throw new DataError({ code: 'option-invalid', message: `a grid of ${rows} × ${columns} is not supported: rows are 1 to 3, columns 1 to 4, cells at least 2.` });
    }
    this.rows = rows;
    this.columns = columns;
    this.places = vertical.flatMap((row) => horizontal.map((column) => `${row} ${column}`.trim()));
  }

  get cells(): number {
    return this.rows * this.columns;
  }

  /** The cell that stands in the relation to `cell`, or undefined beyond the edge. */
  neighbor(options: { cell: number; relation: SceneRelation }): number | undefined {
    const [down, right] = relations[options.relation];
    const row = Math.floor(options.cell / this.columns) + down;
    const column = (options.cell % this.columns) + right;
    return row >= 0 && row < this.rows && column >= 0 && column < this.columns ? row * this.columns + column : undefined;
  }

  /** The relations that lead from `cell` to another cell. */
  relationsFrom(cell: number): SceneRelation[] {
    return (Object.keys(relations) as SceneRelation[]).filter((relation) => this.neighbor({ cell, relation }) !== undefined);
  }
}

/** All names of places, over all grids, the longest first. */
export const allPlaces = [
  ...new Set(
    [1, 2, 3].flatMap((rows) => [1, 2, 3, 4].flatMap((columns) => (rows * columns < 2 ? [] : new SceneGrid({ rows, columns }).places))),
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
