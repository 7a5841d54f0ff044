import { describe, expect, it } from 'vitest';

import { formatWeightedLabels, parseWeightedLabels } from './weighted-labels';

describe('weighted labels', () => {
  it('come back as a distribution', () => {
    expect(
      formatWeightedLabels(
        new Map([
          ['red', 3],
          ['light blue', 1],
        ]),
      ),
    ).toBe('red=3, light blue=1');
    expect([...parseWeightedLabels('red=3, light blue=1')]).toEqual([
      ['red', 0.75],
      ['light blue', 0.25],
    ]);
    expect([...parseWeightedLabels('a=b=1,c=0')]).toEqual([
      ['a=b', 1],
      ['c', 0],
    ]);
  });

  it.each([
    ['', /"" has no label/],
    ['red', /"red" has no label/],
    ['red=', /weight of red/],
    ['red=-1, blue=2', /weight of red/],
    ['red=much', /weight of red/],
    ['red=Infinity', /weight of red/],
    ['red=1e308, blue=1e308', /no sum above 0/],
    ['red=1, red=2', /red stands twice/],
    ['red=0, blue=0', /no sum above 0/],
  ])('refuses %j', (text, message) => {
    expect(() => parseWeightedLabels(text)).toThrow(message);
  });
});
