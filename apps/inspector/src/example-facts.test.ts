import { describe, expect, it } from 'vitest';

import { namedFacts } from './example-facts';

describe('named facts', () => {
  it('name what is true of a picture cell by cell', () => {
    const objects = [{ colour: 'red', shape: 'square', place: 'top left' }];
    expect(namedFacts({ facts: { kind: 'scene', rows: 1, columns: 1, objects } })).toEqual({
      'colour top left': 'red',
      'shape top left': 'square',
    });
  });

  it('say of a graph how far its target is and how many ways lead into it', () => {
    const edges: [number, number][] = [
      [0, 1],
      [0, 2],
      [1, 3],
      [2, 3],
    ];
    const facts = {
      kind: 'graph' as const,
      edges,
      root: 0,
      target: 3,
      negativeTarget: 4,
      symbols: ['0', '1', '2', '3', '4'],
    };
    expect(namedFacts({ facts: { ...facts, neighborsByHop: [[0], [1, 2], [3]] } })).toEqual({
      'hops to the target': '2',
      'ways into the target': '2',
    });
  });

  it('are none where nothing is known', () => {
    expect(namedFacts({})).toEqual({});
    expect(namedFacts({ facts: { kind: 'choice', options: [] } })).toEqual({});
  });
});
