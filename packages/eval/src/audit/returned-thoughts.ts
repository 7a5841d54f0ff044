import type { Estimate } from '@subtext/core';
import type { ThoughtStates } from '@subtext/decoder';

import { bootstrap } from '../statistics/bootstrap';

/** How near thoughts that were made from words come to those that a model makes itself. */
export interface ReturnedThoughts {
  /** Examples that could be compared. */
  count: number;
  /** Share of the variance that thoughts of the example's own words explain: 1 where they are the same, 0 where they are no nearer than the mean. */
  own: Estimate;
  /** The same of another example's words: the shuffled baseline, about −1 where words are come back from whole. */
  another: Estimate;
}

/**
 * Variance explained (as natural-language autoencoders report it): `1 − Σ‖tᵢ − wᵢ‖² / Σ‖tᵢ − t̄‖²` with tᵢ the thoughts that
 * the model makes itself, wᵢ those made from words, and t̄ the mean of the former, place by place; beside it the same with
 * another example's w. Null where fewer than three examples have thoughts of both kinds, or the thoughts are all alike.
 */
export function returnedThoughts({
  thoughts,
  fromWords,
  texts,
  seed = 0,
}: {
  /** By example, as the model thinks them. */
  thoughts: readonly ThoughtStates[];
  /** By example, made from its words. */
  fromWords: readonly ThoughtStates[];
  /** By example, its words: another's are other words. */
  texts: readonly string[];
  /** Of the intervals. @default 0 */
  seed?: number;
}): ReturnedThoughts | null {
  const lengths = thoughts.map(({ length }) => length);
  const count = commonest(lengths);
  const rows = [...thoughts.keys()].filter(
    (row) => count > 0 && lengths[row] === count && fromWords[row]!.length === count,
  );
  if (rows.length < 3) return null;
  const joined = (states: ThoughtStates) => Float64Array.from(states.flatMap((state) => [...state]));
  const own = rows.map((row) => joined(thoughts[row]!));
  const told = rows.map((row) => joined(fromWords[row]!));
  const mean = Float64Array.from(own[0]!, (_, unit) => own.reduce((sum, one) => sum + one[unit]!, 0) / own.length);
  const spread = own.map((one) => distance(one, mean));
  if (spread.reduce((sum, one) => sum + one, 0) === 0) return null;
  const missed = own.map((one, place) => distance(one, told[place]!));
  const others = own.map((one, place) => {
    for (let step = 1; step < rows.length; step++) {
      const other = (place + step) % rows.length;
      if (texts[rows[other]!] !== texts[rows[place]!]) return distance(one, told[other]!);
    }
    return missed[place]!;
  });
  const explained = (errors: readonly number[]): Estimate => {
    const { value, interval } = bootstrap({
      count: rows.length,
      seed,
      statistic: (indices) => 1 - sumAt(errors, indices) / sumAt(spread, indices),
    });
    return { value, interval };
  };
  return { count: rows.length, own: explained(missed), another: explained(others) };
}

function distance(one: Float64Array, other: Float64Array): number {
  let sum = 0;
  for (let unit = 0; unit < one.length; unit++) sum += (one[unit]! - other[unit]!) ** 2;
  return sum;
}

function sumAt(values: readonly number[], indices: Int32Array): number {
  let sum = 0;
  for (const index of indices) sum += values[index]!;
  return sum;
}

function commonest(values: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort(([, one], [, other]) => other - one)[0]?.[0] ?? 0;
}
