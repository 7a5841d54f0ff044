import { RandomStream } from '@subtext/core';

import { DataError } from '../errors';
import type { ReasoningExample } from '../reasoning-example';
import { jsonArray, textGenerator } from './text-generator';

export interface GenerateMinimumSumOptions {
  /** @default 42 */
  seed?: number;
  /** Digits of a question. 2 to 8. @default 4 */
  digits?: number;
  /** Digits are 1 up to this. 1 to 9. @default 9 */
  largest?: number;
}

/**
 * Minimum Non-Negative Sum (CoT2, arXiv 2505.23648): each of the question's digits gets a sign, and the answer is the smallest
 * sum that is not below 0. A step lists the sums after one digit more, each as often as there are signs that lead to it
 * (`s3 s1 s-1 s-3`): what a search holds that follows all of them. The last digit's sums are left to the answer. Questions
 * that are orders of the same digits follow each other, every order once, so that what is dealt to different sets has
 * different digits, but for the one question's at each border.
 */
export function* generateMinimumSum({
  seed = 42,
  digits = 4,
  largest = 9,
}: GenerateMinimumSumOptions = {}): Generator<ReasoningExample> {
  if (!Number.isInteger(digits) || digits < 2 || digits > 8)
    throw new DataError({ code: 'invalid-option', message: `digits: ${digits} is not a whole number from 2 to 8.` });
  if (!Number.isInteger(largest) || largest < 1 || largest > 9)
    throw new DataError({ code: 'invalid-option', message: `largest: ${largest} is not a whole number from 1 to 9.` });
  const random = new RandomStream({ seed, name: `minimum-sum/${digits}/${largest}` });
  let made = 0;
  for (const set of random.shuffle(chosenWithRepetition({ digits, largest }))) {
    for (const order of random.shuffle(ordersOf(set))) {
      let sums = [0];
      const steps = order.map((digit) => {
        sums = sums.flatMap((sum) => [sum + digit, sum - digit]);
        return { text: sums.map((sum) => `s${sum}`).join(' ') };
      });
      const answer = Math.min(...sums.filter((sum) => sum >= 0));
      yield { id: String(++made), question: order.join(' '), steps: steps.slice(0, -1), answer: `s${answer}` };
    }
  }
}

/** All sets of digits, each digit as often as one likes, in order. */
function chosenWithRepetition({ digits, largest }: { digits: number; largest: number }): number[][] {
  let sets: number[][] = [[]];
  for (let place = 0; place < digits; place++)
    sets = sets.flatMap((set) =>
      Array.from({ length: largest - (set.at(-1) ?? 1) + 1 }, (_, more) => [...set, (set.at(-1) ?? 1) + more]),
    );
  return sets;
}

/** The different orders of some digits. */
function ordersOf(set: readonly number[]): number[][] {
  if (set.length === 0) return [[]];
  return [...new Set(set)].flatMap((first) => {
    const place = set.indexOf(first);
    return ordersOf([...set.slice(0, place), ...set.slice(place + 1)]).map((rest) => [first, ...rest]);
  });
}

/** This generator as an entry of the registry. */
export const minimumSumGenerator = textGenerator({
  name: 'minimum-sum',
  description: 'choose signs for digits so that their sum is the smallest that is not negative',
  format: 'coconut-json',
  defaultCounts: { train: 5249, validation: 0, test: 1312 },
  options: {
    digits: { description: 'digits per question', default: 4 },
    largest: { description: 'largest digit; the smallest is 1', default: 9 },
  },
  writer: jsonArray(({ question, steps, answer }) => ({ question, steps: steps.map((step) => step.text), answer })),
  generate: (seed, { digits, largest }) =>
    generateMinimumSum({ seed, digits: digits as number, largest: largest as number }),
});
