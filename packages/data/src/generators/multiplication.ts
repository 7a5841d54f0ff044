import { DataError } from '../errors';
import { formatICotText } from '../formats/icot-text';
import { RandomStream } from '@subtext/core';
import type { ReasoningExample } from '../reasoning-example';
import { checkStream } from './check-stream';
import { textGenerator } from './text-generator';

export interface GenerateMultiplicationOptions {
  /** @default Infinity: ask for as many as are needed */
  count?: number;
  /** @default 42 */
  seed?: number;
  /** Digits of the first and of the second factor, each 1 to 20. @default [4, 4] */
  digits?: [number, number];
}

/** Digits apart, the lowest first, filled up with zeros. */
function lowestFirst(value: bigint, width: number): string {
  return [...value.toString().padStart(width, '0')].reverse().join(' ');
}

function drawNumber(digits: number, random: RandomStream): bigint {
  let text = String(1 + random.integer(9));
  while (text.length < digits) text += String(random.integer(10));
  return BigInt(text);
}

/** The question, chain and answer for two factors of n and m digits. */
export function describeMultiplication(options: {
  factors: [bigint, bigint];
  digits: [number, number];
}): Pick<ReasoningExample, 'question' | 'steps' | 'answer'> {
  const { factors, digits } = options;
  const [first, second] = factors;
  const [width, rounds] = digits;
  const steps: { text: string }[] = [];
  let sum = 0n;
  for (let round = 0; round < rounds; round += 1) {
    const place = 10n ** BigInt(round);
    const product = first * ((second / place) % 10n) * place;
    sum += product;
    const shown = lowestFirst(product, width + 1 + round);
    const between = round > 0 && round < rounds - 1 ? ` ( ${lowestFirst(sum, width + 1 + round)} )` : '';
    steps.push({ text: `${round === 0 ? '' : '+ '}${shown}${between}` });
  }
  return {
    question: `${lowestFirst(first, width)} * ${lowestFirst(second, rounds)}`,
    steps,
    answer: lowestFirst(first * second, width + rounds),
  };
}

/**
 * Makes long multiplications as Internalize CoT Step by Step's files (arXiv 2405.14838) have them: digits from the
 * lowest, one step a digit of the second factor with its partial product and, in brackets, the sum so far.
 */
export function* generateMultiplication(options: GenerateMultiplicationOptions = {}): Generator<ReasoningExample> {
  const { count = Infinity, seed = 42, digits = [4, 4] } = options;
  checkStream({ count, seed });
  if (digits.length !== 2 || digits.some((number) => !Number.isInteger(number) || number < 1 || number > 20)) {
    throw new DataError({
      code: 'invalid-option',
      message: `digits: ${digits.join(' and ')} are not two whole numbers from 1 to 20.`,
    });
  }
  const random = new RandomStream({ seed, name: `multiplication/${digits.join('x')}` });
  for (let made = 1; made <= count; made += 1) {
    const factors: [bigint, bigint] = [drawNumber(digits[0], random), drawNumber(digits[1], random)];
    yield { id: String(made), ...describeMultiplication({ factors, digits }) };
  }
}

/** This generator as an entry of the registry. */
export const multiplicationGenerator = textGenerator({
  name: 'multiplication',
  description: 'long multiplication, least significant digit first, with partial products and sums',
  format: 'icot-text',
  defaultCounts: { train: 50000, validation: 1000, test: 1000 },
  options: {
    firstDigits: { description: 'digits of the first factor', default: 4 },
    secondDigits: { description: 'digits of the second factor, one step each', default: 4 },
  },
  writer: { extension: 'txt', open: '', between: '\n', close: '\n', record: formatICotText },
  generate: (seed, { firstDigits, secondDigits }) =>
    generateMultiplication({ seed, digits: [firstDigits as number, secondDigits as number] }),
});
