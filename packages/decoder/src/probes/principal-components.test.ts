import { describe, expect, it } from 'vitest';

import { sharedWords, wordPieces } from '../interpreter/shared-words';
import { principalComponents } from './principal-components';

describe('principal components', () => {
  it('find the directions of a set that was made along two, whatever lies beside', () => {
    const one = Float64Array.from([3, 4, 0, 0], (value) => value / 5);
    const two = Float64Array.from([4, -3, 0, 0], (value) => value / 5);
    const along = [-4, -1, 0, 2, 3];
    const across = [1, -1, 0.5, -1, 0.5];
    const vectors = along.map((first, place) =>
      Float32Array.from(one, (value, unit) => 7 + first * value + across[place]! * two[unit]!),
    );
    const { coordinates, explained } = principalComponents({ vectors });
    const sign = Math.sign(coordinates[0]![0]! / along[0]!);
    // The two are not quite at right angles in what was drawn.
    const spread = (column: number) => coordinates.reduce((sum, row) => sum + row[column]! ** 2, 0);
    expect(spread(0) + spread(1)).toBeCloseTo(
      along.reduce((sum, value) => sum + value ** 2, 0) + across.reduce((sum, value) => sum + (value + 0) ** 2, 0),
      3,
    );
    for (const [place, [first]] of coordinates.entries()) expect(sign * first!).toBeCloseTo(along[place]!, 0);
    expect(explained[0]! + explained[1]!).toBeCloseTo(1, 5);
    expect(explained[0]).toBeGreaterThan(0.8);
  });

  it('are nothing of thoughts that are all the same, and refuse an empty set', () => {
    const { coordinates, explained } = principalComponents({ vectors: [Float32Array.of(1, 2), Float32Array.of(1, 2)] });
    expect(coordinates.flat().every((value) => value === 0)).toBe(true);
    expect(explained).toEqual([0, 0]);
    expect(() => principalComponents({ vectors: [] })).toThrow(/no thought/);
  });
});

describe('words that two texts share', () => {
  it('are those of a longest common subsequence', () => {
    const [left, right] = ['a red Square there', 'a blue square is there'].map(wordPieces) as [string[], string[]];
    const shared = sharedWords({ left, right })!;
    expect(left.filter((_, index) => shared.left.has(index))).toEqual(['a', 'Square', 'there']);
  });
});
