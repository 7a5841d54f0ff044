import { DataError } from '../errors';
import { RandomStream } from '@subtext/core';
import type { ReasoningExample } from '../reasoning-example';
import { checkStream } from './check-stream';
import { jsonArray, textGenerator } from './text-generator';

export interface GenerateModularArithmeticOptions {
  /** @default Infinity: ask for as many as are needed */
  count?: number;
  /** @default 42 */
  seed?: number;
  /** Operations a question, at least and at most. @default { minimum: 2, maximum: 5 } */
  steps?: { minimum: number; maximum: number };
  /** Numbers are 0 … modulus − 1. 3 to 1,000. @default 10 */
  modulus?: number;
  /** Fill shorter questions up with dots, so that all are equally long and their operations stand at the same places. @default false */
  filled?: boolean;
}

const apply = {
  '+': (value: number, operand: number) => value + operand,
  '-': (value: number, operand: number) => value - operand,
  '*': (value: number, operand: number) => value * operand,
} as const;

/**
 * Makes calculations modulo a number, done from left to right without precedence: `3 +4 *3 -6` modulo 10 is (3 + 4) · 3 − 6 = 5.
 * Each step is an equation, `3 +4 =7`; an operator and its operand are one word. Operands are never 0, and never 1 where they
 * multiply, so that every operation counts.
 */
export function* generateModularArithmetic(
  options: GenerateModularArithmeticOptions = {},
): Generator<ReasoningExample> {
  const { count = Infinity, seed = 42, steps = { minimum: 2, maximum: 5 }, modulus = 10, filled = false } = options;
  checkStream({ count, seed });
  if (
    !Number.isInteger(steps.minimum) ||
    !Number.isInteger(steps.maximum) ||
    steps.minimum < 1 ||
    steps.maximum < steps.minimum ||
    steps.maximum > 50
  ) {
    throw new DataError({
      code: 'invalid-option',
      message: `steps: ${steps.minimum} to ${steps.maximum} is not a range of whole numbers from 1 to 50.`,
    });
  }
  if (!Number.isInteger(modulus) || modulus < 3 || modulus > 1000)
    throw new DataError({
      code: 'invalid-option',
      message: `modulus: ${modulus} is not a whole number from 3 to 1,000.`,
    });
  const random = new RandomStream({ seed, name: `modular-arithmetic/${modulus}` });
  for (let made = 1; made <= count; made += 1) {
    let value = random.integer(modulus);
    let question = String(value);
    const chain: { text: string }[] = [];
    const length = steps.minimum + random.integer(steps.maximum - steps.minimum + 1);
    while (chain.length < length) {
      const operator = random.pick(['+', '-', '*'] as const);
      const operand = operator === '*' ? 2 + random.integer(modulus - 2) : 1 + random.integer(modulus - 1);
      const result = (apply[operator](value, operand) + modulus) % modulus;
      question += ` ${operator}${operand}`;
      chain.push({ text: `${value} ${operator}${operand} =${result}` });
      value = result;
    }
    if (filled) question += ' .'.repeat(steps.maximum - length);
    yield { id: String(made), question, steps: chain, answer: String(value), category: `${length} steps` };
  }
}

/** This generator as an entry of the registry. */
export const modularArithmeticGenerator = textGenerator({
  name: 'modular-arithmetic',
  description: 'modular arithmetic from left to right, each step an equation 3 +4 =7',
  format: 'coconut-json',
  defaultCounts: { train: 50000, validation: 500, test: 1000 },
  options: {
    minimumSteps: { description: 'minimum number of operations', default: 2 },
    maximumSteps: { description: 'maximum number of operations', default: 5 },
    modulus: { description: 'numbers are 0 to modulus − 1', default: 10 },
    filled: { description: 'pad shorter questions with dots', default: false },
    repeated: { description: 'training questions may repeat, since there are few short ones', default: false },
  },
  repeats: ({ repeated }) => repeated as boolean,
  writer: jsonArray(({ question, steps, answer }) => ({ question, steps: steps.map((step) => step.text), answer })),
  generate: (seed, { minimumSteps, maximumSteps, modulus, filled }) =>
    generateModularArithmetic({
      seed,
      steps: { minimum: minimumSteps as number, maximum: maximumSteps as number },
      modulus: modulus as number,
      filled: filled as boolean,
    }),
});
