import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';

import { RandomStream } from './random-stream';
import { sha256 } from './sha-256';

describe('RandomStream', () => {
  it('gives the numbers that recorded data sets and weights were drawn with', () => {
    const named = new RandomStream({ seed: 20, name: 'prosqa' });
    expect([named.integer(1000), named.uniform(), named.uniform(-2, 5), named.integer(2 ** 31)]).toEqual([
      494, 0.2963326110295421, 2.9866238796310656, 1125547835,
    ]);
    expect([named.pick([1, 2, 3, 4]), named.pickWeighted(['a', 'b'], [1, 3]), named.poisson(2)]).toEqual([2, 'b', 3]);
    expect(named.shuffle([1, 2, 3, 4, 5, 6, 7])).toEqual([4, 6, 1, 5, 7, 2, 3]);
    expect(new RandomStream({ seed: 1, name: 'x'.repeat(200) }).integer(1e9)).toBe(792293918);
    expect(new RandomStream({ seed: 5, name: 'größe ∆' }).integer(1e9)).toBe(485811086);
    const unnamed = new RandomStream({ seed: -3, name: '' });
    expect([unnamed.integer(1e6), unnamed.uniform()]).toEqual([395980, 0.05767454937098071]);
    const plain = new RandomStream({ seed: 7 });
    expect([plain.uniform(), 3 + plain.integer(7), plain.normal(), plain.normal(), plain.uniform()]).toEqual([
      0.9999998825951237, 4, -1.2641416542627484, 0.5890783181672387, 0.20968525213695965,
    ]);
    const negative = new RandomStream({ seed: -2_000_000_001 });
    expect([negative.normal(), negative.integer(11) - 5]).toEqual([0.11734918365944302, -4]);
  });

  it('is another one by seed and by name, and refuses a seed that is no whole number', () => {
    const first = (options: ConstructorParameters<typeof RandomStream>[0]) => new RandomStream(options).integer(1e9);
    const drawn = [first({ seed: 1 }), first({ seed: 2 }), first({ seed: 1, name: '' }), first({ seed: 1, name: 'a' })];
    expect(new Set(drawn).size).toBe(4);
    expect(() => new RandomStream({ seed: 0.5 })).toThrowError(
      expect.objectContaining({ code: 'invalid-option', message: expect.stringMatching(/seed must be an integer/) }),
    );
  });
});

describe('sha256', () => {
  it.each([0, 1, 54, 55, 56, 63, 64, 65, 119, 120, 1000])('is what Node’s is, of %d characters', (length) => {
    const text = 'aé∆'.repeat(length).slice(0, length);
    const digest = createHash('sha256').update(text).digest();
    expect([...sha256(text)]).toEqual(Array.from({ length: 8 }, (_, index) => digest.readInt32BE(4 * index)));
  });
});
