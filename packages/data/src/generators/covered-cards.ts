import type { RandomStream } from '@subtext/core';

import { DataError } from '../errors';
import { formatWeightedLabels } from '../measures/weighted-labels';

/** Colours of cards, in the order in which an answer goes on from one to the next. */
export const colourCycle = ['red', 'green', 'blue', 'yellow', 'white', 'black'] as const;

/** What is left for covered cells: first how many colours there are among them, so that the certain and the open are both common. */
export function drawLeft({
  random,
  count,
  colours,
}: {
  random: RandomStream;
  count: number;
  colours: number;
}): number[] {
  const kinds = 1 + random.integer(Math.min(count, colours));
  const chosen = random.shuffle([...new Array(colours).keys()]).slice(0, kinds);
  return Array.from({ length: count }, (_, place) => chosen[place] ?? random.pick(chosen));
}

/** How often each label stands there, as it is written in records: `red=2, green=1`. */
export function weightsOf(labels: readonly string[]): string {
  const weights = new Map<string, number>();
  for (const label of labels) weights.set(label, (weights.get(label) ?? 0) + 1);
  return formatWeightedLabels(weights);
}

/** Colours in words, in the order of the cycle. */
export function colourWords(set: readonly number[]): string[] {
  return [...set].sort((one, other) => one - other).map((colour) => colourCycle[colour]!);
}

/** @throws DataError `invalid-option` */
export function checkWhole({
  name,
  value,
  least,
  most,
}: {
  name: string;
  value: number;
  least: number;
  most: number;
}): void {
  if (!Number.isInteger(value) || value < least || value > most)
    throw new DataError({
      code: 'invalid-option',
      message: `${name}: ${value} is not a whole number from ${least} to ${most}.`,
    });
}
