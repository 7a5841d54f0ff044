import { RandomStream } from '@subtext/core';

import { DataError } from '../errors';
import type { ReasoningExample } from '../reasoning-example';
import { checkStream } from './check-stream';
import { jsonArray, textGenerator } from './text-generator';

export interface GenerateMazesOptions {
  /** @default Infinity: ask for as many as are needed */
  count?: number;
  /** @default 42 */
  seed?: number;
  /** Rooms in a row; with the walls between them a maze has 2 · rooms − 1 cells in a row. 2 to 15. @default 4 */
  rooms?: number;
}

/** What a cell may be: wall, floor, start, goal, a cell of the way. */
const [WALL, FLOOR, START, GOAL, WAY] = ['#', '.', 'S', 'G', 'o'];

/**
 * Mazes in which one way leads from everywhere to everywhere: a random spanning tree of a square of rooms (a walk that
 * turns back where it is stuck), start and goal in two rooms drawn at random. Question and answer are the cells row by row
 * (`S . # G …`), in the answer with the way between start and goal marked (`o`), so that each cell's answer stands at its
 * place. A step is the maze after one more round in which all dead ends are walled up.
 */
export function* generateMazes({
  count = Infinity,
  seed = 42,
  rooms = 4,
}: GenerateMazesOptions = {}): Generator<ReasoningExample> {
  checkStream({ count, seed });
  if (!Number.isInteger(rooms) || rooms < 2 || rooms > 15)
    throw new DataError({ code: 'invalid-option', message: `rooms: ${rooms} is not a whole number from 2 to 15.` });
  const random = new RandomStream({ seed, name: `maze/${rooms}` });
  const side = 2 * rooms - 1;
  for (let made = 1; made <= count; made++) {
    const cells = carved({ rooms, random });
    const [start, goal] = random.shuffle(cells.flatMap((cell, place) => (isRoom({ place, side }) ? [place] : [])));
    cells[start!] = START!;
    cells[goal!] = GOAL!;
    const rounds: string[][] = [];
    let grid = cells;
    for (let next = withoutDeadEnds({ cells: grid, side }); next; next = withoutDeadEnds({ cells: grid, side }))
      rounds.push((grid = next));
    if (rounds.length === 0) rounds.push(grid);
    const way = cells.map((cell, place) => (cell === FLOOR && grid[place] === FLOOR ? WAY! : cell));
    yield {
      id: String(made),
      question: cells.join(' '),
      steps: rounds.map((round) => ({ text: round.join(' ') })),
      answer: way.join(' '),
    };
  }
}

/** A maze without start and goal: all rooms, joined by as few doors as reach all of them. */
function carved({ rooms, random }: { rooms: number; random: RandomStream }): string[] {
  const side = 2 * rooms - 1;
  const cells = new Array<string>(side * side).fill(WALL!);
  const open = [2 * random.integer(rooms) * side + 2 * random.integer(rooms)];
  cells[open[0]!] = FLOOR!;
  while (open.length > 0) {
    const from = open.at(-1)!;
    const doors = neighbours({ place: from, side, distance: 2 }).filter(({ place }) => cells[place] === WALL);
    if (doors.length === 0) {
      open.pop();
      continue;
    }
    const { place, between } = doors[random.integer(doors.length)]!;
    cells[between] = FLOOR!;
    cells[place] = FLOOR!;
    open.push(place);
  }
  return cells;
}

/** A maze whose dead ends, one cell each, are walls; undefined where there are none. */
function withoutDeadEnds({ cells, side }: { cells: readonly string[]; side: number }): string[] | undefined {
  const isOpen = (place: number) => cells[place] !== WALL;
  const next = cells.map((cell, place) =>
    cell === FLOOR &&
    neighbours({ place, side, distance: 1 }).filter((neighbour) => isOpen(neighbour.place)).length <= 1
      ? WALL!
      : cell,
  );
  return next.some((cell, place) => cell !== cells[place]) ? next : undefined;
}

function isRoom({ place, side }: { place: number; side: number }): boolean {
  return (place % side) % 2 === 0 && Math.floor(place / side) % 2 === 0;
}

/** The cells so far away in a line, with the one half way. */
function neighbours({
  place,
  side,
  distance,
}: {
  place: number;
  side: number;
  distance: number;
}): { place: number; between: number }[] {
  const [row, column] = [Math.floor(place / side), place % side];
  return [
    [-1, 0],
    [1, 0],
    [0, -1],
    [0, 1],
  ].flatMap(([down, right]) => {
    const [toRow, toColumn] = [row + down! * distance, column + right! * distance];
    if (toRow < 0 || toColumn < 0 || toRow >= side || toColumn >= side) return [];
    const half = distance / 2;
    return [{ place: toRow * side + toColumn, between: (row + down! * half) * side + column + right! * half }];
  });
}

/** The first, as texts are ordered, of a maze's eight turned and mirrored images, each with start and goal exchanged too. */
export function mazeKind(question: string): string {
  const cells = question.split(' ');
  const side = Math.sqrt(cells.length);
  const turned = (grid: readonly string[]) =>
    grid.map((_, place) => grid[(side - 1 - (place % side)) * side + Math.floor(place / side)]!);
  const mirrored = (grid: readonly string[]) =>
    grid.map((_, place) => grid[Math.floor(place / side) * side + side - 1 - (place % side)]!);
  const exchanged = (grid: readonly string[]) =>
    grid.map((cell) => (cell === START ? GOAL! : cell === GOAL ? START! : cell));
  const images: string[] = [];
  let image: readonly string[] = cells;
  for (let turn = 0; turn < 4; turn++) {
    for (const one of [image, mirrored(image)]) images.push(one.join(''), exchanged(one).join(''));
    image = turned(image);
  }
  return images.sort()[0]!;
}

/** This generator as an entry of the registry. */
export const mazeGenerator = textGenerator({
  name: 'maze',
  description: 'mazes with a unique path from start to goal, solved by closing dead ends',
  format: 'coconut-json',
  defaultCounts: { train: 20000, validation: 500, test: 500 },
  options: { rooms: { description: 'rooms per row', default: 4 } },
  writer: jsonArray(({ question, steps, answer }) => ({ question, steps: steps.map((step) => step.text), answer })),
  generate: (seed, { rooms }) => generateMazes({ seed, rooms: rooms as number }),
  kind: ({ question }) => mazeKind(question),
});
