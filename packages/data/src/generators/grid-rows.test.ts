import { expect, it } from 'vitest';

import { gridRows } from './grid-rows';

it('has the rows of a grid, and none of what is no grid', () => {
  expect(gridRows(' 1 . 3 4 5 6 7 8 9 ')).toEqual([
    ['1', '.', '3'],
    ['4', '5', '6'],
    ['7', '8', '9'],
  ]);
  for (const text of ['', '1', '1 2 3 4', '1 2 3 4 5 6 7 8', '1 2 3 4 5 6 7 8 10', 'a sentence'])
    expect(gridRows(text), text).toBeNull();
});
