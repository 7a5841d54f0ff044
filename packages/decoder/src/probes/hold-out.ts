import { RandomStream } from '@subtext/data';

import { DecoderError } from '../errors';

export function split({
  count,
  groups,
  heldOut,
  seed,
}: {
  count: number;
  groups: readonly (string | number)[] | undefined;
  heldOut: number;
  seed: number;
}): { training: number[]; test: number[] } {
  const indices = Array.from({ length: count }, (_, index) => index);
  const keys = groups === undefined ? indices.map(String) : groups.map(String);
  const distinct = [...new Set(keys)];
  if (!(heldOut > 0 && heldOut < 1))
    throw new DecoderError({
      code: 'invalid-option',
      message: `A held-out share of ${heldOut} is not between 0 and 1.`,
    });
  if (distinct.length < 2)
    throw new DecoderError({
      code: 'empty-set',
      message: `A probe needs two groups of states or more, to hold some out; got ${distinct.length}.`,
    });
  const size = Math.min(distinct.length - 1, Math.max(1, Math.round(heldOut * distinct.length)));
  const out = new Set(new RandomStream({ seed, name: 'probe split' }).shuffle(distinct).slice(0, size));
  return {
    training: indices.filter((index) => !out.has(keys[index] as string)),
    test: indices.filter((index) => out.has(keys[index] as string)),
  };
}

