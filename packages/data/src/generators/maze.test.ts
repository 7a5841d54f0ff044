import { expect, it } from 'vitest';

import type { ReasoningExample } from '../reasoning-example';
import { generateMazes, mazeKind } from './maze';

const take = (options: NonNullable<Parameters<typeof generateMazes>[0]>): ReasoningExample[] => [
  ...generateMazes(options),
];

/** The cells of the shortest way from S to G, both left out, found breadth first. */
function shortestWay(cells: readonly string[]): number[] {
  const side = Math.sqrt(cells.length);
  const start = cells.indexOf('S');
  const from = new Map([[start, start]]);
  for (const place of from.keys()) {
    const column = place % side;
    for (const next of [
      place - side,
      place + side,
      ...(column > 0 ? [place - 1] : []),
      ...(column < side - 1 ? [place + 1] : []),
    ])
      if (cells[next] !== undefined && cells[next] !== '#' && !from.has(next)) from.set(next, place);
  }
  const way: number[] = [];
  for (let place = from.get(cells.indexOf('G'))!; place !== start; place = from.get(place)!) way.push(place);
  return way;
}

it.each([2, 4, 6])('marks the only way through mazes of %d rooms a row', (rooms) => {
  for (const { question, steps, answer } of take({ rooms, count: 30, seed: 5 })) {
    const cells = question.split(' ');
    expect(cells).toHaveLength((2 * rooms - 1) ** 2);
    // A tree: one door fewer than rooms, all rooms open.
    const open = cells.filter((cell) => cell !== '#').length;
    expect(open).toBe(2 * rooms * rooms - 1);
    const way = new Set(shortestWay(cells));
    expect(answer.split(' ')).toEqual(cells.map((cell, place) => (way.has(place) ? 'o' : cell)));
    // Walling up dead ends leaves the way alone.
    const last = steps.at(-1)!.text.split(' ');
    expect(last.map((cell) => (cell === '.' ? 'o' : cell))).toEqual(
      answer.split(' ').map((cell) => (cell === '.' ? '#' : cell)),
    );
  }
});

it('knows a maze again turned, mirrored, and with start and goal exchanged', () => {
  const [one, other] = take({ rooms: 3, count: 2, seed: 1 }).map(({ question }) => question);
  const cells = one!.split(' ');
  const at = (row: number, column: number) => cells[row * 5 + column]!;
  const image = (from: (row: number, column: number) => string) =>
    cells.map((_, place) => from(Math.floor(place / 5), place % 5)).join(' ');
  for (const turned of [
    image((row, column) => at(column, row)),
    image((row, column) => at(4 - row, column)),
    image((row, column) => at(4 - column, row)),
    one!.replace('S', 'X').replace('G', 'S').replace('X', 'G'),
  ])
    expect(mazeKind(turned)).toBe(mazeKind(one!));
  expect(mazeKind(other!)).not.toBe(mazeKind(one!));
});

it('refuses what it cannot make, and is the same for the same seed', () => {
  for (const rooms of [1, 16, 2.5])
    expect(() => take({ rooms, count: 1 })).toThrow(/rooms: .* is not a whole number from 2 to 15/);
  expect(() => take({ count: -1 })).toThrow(/count/);
  expect(take({ count: 2, seed: 1 })).toEqual(take({ count: 2, seed: 1 }));
  expect(take({ count: 2, seed: 1 })).not.toEqual(take({ count: 2, seed: 2 }));
});
