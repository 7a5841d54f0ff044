import { euclideanNorm, type ThoughtStates } from '@subtext/decoder';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  cutThoughts,
  meanThoughts,
  permuteThoughts,
  replaceByAnother,
  replaceByMean,
  replaceByNoise,
  replaceByZeros,
  swapThoughts,
} from './interventions';

const state = (...values: number[]) => Float32Array.from(values);
const thoughts: ThoughtStates[] = [
  [state(1, 2), state(3, 4), state(5, 6)],
  [state(-1, 0), state(0, 2), state(9, 9)],
  [state(7, 7)],
  [],
  [state(2, 2), state(4, 4), state(1, 0)],
];

describe('interventions', () => {
  it('never touch what they are given', () => {
    const before = JSON.stringify(thoughts.map((states) => states.map((one) => [...one])));
    const done = [replaceByZeros, replaceByMean, replaceByNoise, replaceByAnother, permuteThoughts].map((replace) =>
      replace({ thoughts }),
    );
    done.push(cutThoughts({ thoughts, kept: 1 }), swapThoughts({ thoughts, answers: ['a', 'b', 'a', 'b', 'a'] }));
    for (const { thoughts: replaced } of done) for (const states of replaced) for (const one of states) one.fill(99);
    expect(JSON.stringify(thoughts.map((states) => states.map((one) => [...one])))).toBe(before);
  });

  it('zeros and mean by place', () => {
    expect(replaceByZeros({ thoughts }).thoughts[0]).toEqual([state(0, 0), state(0, 0), state(0, 0)]);
    expect(meanThoughts({ thoughts })[0]).toEqual(state(9 / 4, 11 / 4));
    expect(replaceByMean({ thoughts }).thoughts[4]?.[1]).toEqual(state(7 / 3, 10 / 3));
    expect(replaceByZeros({ thoughts }).changed).toEqual([true, true, true, false, true]);
    expect(() => meanThoughts({ thoughts: [[state(1)], [state(1, 2)]] })).toThrowError(/width 1 and 2/);
  });

  it('noise keeps the norm, loses the direction and follows the seed', () => {
    const wide = [[Float32Array.from({ length: 400 }, (_, unit) => Math.sin(unit))]];
    const noise = replaceByNoise({ thoughts: wide, seed: 4 }).thoughts[0]?.[0] as Float32Array;
    const own = wide[0]?.[0] as Float32Array;
    expect(euclideanNorm(noise)).toBeCloseTo(euclideanNorm(own), 3);
    const cosine = own.reduce((sum, value, unit) => sum + value * (noise[unit] as number), 0) / euclideanNorm(own) ** 2;
    expect(Math.abs(cosine)).toBeLessThan(0.2);
    expect(replaceByNoise({ thoughts: wide, seed: 4 }).thoughts[0]?.[0]).toEqual(noise);
    expect(replaceByNoise({ thoughts: wide, seed: 5 }).thoughts[0]?.[0]).not.toEqual(noise);
  });

  it('another example’s: nobody gets their own, those of one length exchange among themselves', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 2, maxLength: 20 }),
        fc.integer(),
        (lengths, seed) => {
          const set = lengths.map((length, index) => Array.from({ length }, (_, place) => state(index, place)));
          const { thoughts: replaced, partners } = replaceByAnother({ thoughts: set, seed });
          return set.every((states, index) => {
            const partner = partners?.[index] as number;
            const shared = lengths.filter((length) => length === states.length).length > 1;
            // Nobody with as many thoughts: no control, never the own thoughts under its name.
            if (!shared) return partner === -1 && replaced[index]?.length === states.length;
            return partner !== index && lengths[partner] === states.length && replaced[index]?.length === states.length;
          });
        },
      ),
    );
    expect(() => replaceByAnother({ thoughts: [[state(1)]] })).toThrowError(/at least two/);
  });

  it('permuting moves every thought and loses none', () => {
    const { thoughts: replaced, changed } = permuteThoughts({ thoughts, seed: 1 });
    expect(changed).toEqual([true, true, false, false, true]);
    for (const [index, states] of replaced.entries()) {
      const own = thoughts[index] as ThoughtStates;
      expect([...states].map(String).sort()).toEqual([...own].map(String).sort());
      if (own.length > 1) for (const [place, one] of states.entries()) expect(one).not.toEqual(own[place]);
    }
  });

  it('cuts, and swaps only between answers that differ', () => {
    expect(cutThoughts({ thoughts, kept: 2 }).thoughts.map((states) => states.length)).toEqual([2, 2, 1, 0, 2]);
    expect(() => cutThoughts({ thoughts, kept: -1 })).toThrowError(/whole number/);
    const { partners, changed } = swapThoughts({ thoughts, answers: ['a', 'b', 'a', 'b', null], seed: 2 });
    expect([...(partners as Int32Array)]).toEqual([1, 0, -1, -1, -1]);
    expect(changed).toEqual([true, true, false, false, false]);
    const none = swapThoughts({ thoughts, answers: ['a', 'b', 'a', 'b', 'a'], compatible: () => false });
    expect(none.changed.some(Boolean)).toBe(false);
  });
});
