import { expect, it } from 'vitest';

import { recurrenceLines } from './recurrence-lines';

const said = (answer: string) => ({ answer, right: 0.5, moved: 0.25 });
const says = '(right with 0.500; the state moved by 0.250)';

it('writes a grid in its rows, a text as it is, and nothing twice', () => {
  const [one, other] = ['1 2 3 4 5 6 7 8 9', '1 2 3 4 5 6 7 8 1'];
  expect(recurrenceLines({ recurrences: [said(one), said(one), said(other), said('1 2')] })).toEqual([
    `  after 1:   ${says}`,
    ...['    1 2 3', '    4 5 6', '    7 8 9'],
    `  after 2: the same   ${says}`,
    `  after 3:   ${says}`,
    ...['    1 2 3', '    4 5 6', '    7 8 1'],
    `  after 4: 1 2   ${says}`,
  ]);
  expect(recurrenceLines({})).toEqual([]);
});
