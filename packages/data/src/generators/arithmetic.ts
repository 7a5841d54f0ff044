import { DataError } from '../errors';
import { RandomStream } from '@subtext/core';
import type { ReasoningExample } from '../reasoning-example';
import { checkStream } from './check-stream';
import { peopleNames } from './made-up-names';
import { jsonArray, textGenerator } from './text-generator';

export interface GenerateArithmeticOptions {
  /** @default Infinity: ask for as many as are needed */
  count?: number;
  /** @default 42 */
  seed?: number;
  /** Steps a problem, at least and at most. @default { minimum: 2, maximum: 5 } */
  steps?: { minimum: number; maximum: number };
  /** No number in a problem is larger. 20 to 1,000,000. @default 999 */
  largest?: number;
}

type Operator = '+' | '-' | '*' | '/';

const things = [
  'apples',
  'books',
  'coins',
  'cards',
  'shells',
  'stamps',
  'marbles',
  'pencils',
  'stickers',
  'buttons',
  'tickets',
  'seeds',
];

/** What happens to a number of things, in words; `k` is the second operand. */
const sentences: Record<Operator, ((options: { name: string; thing: string; k: number }) => string)[]> = {
  '+': [
    ({ name, k }) => `${name} finds ${k} more.`,
    ({ name, thing, k }) => `A friend gives ${name} ${k} ${thing}.`,
    ({ name, thing, k }) => `${name} buys another ${k} ${thing}.`,
  ],
  '-': [
    ({ name, k }) => `${name} gives away ${k} of them.`,
    ({ name, thing, k }) => `${name} loses ${k} ${thing}.`,
    ({ name, k }) => `${name} sells ${k} of them.`,
  ],
  '*': [
    ({ name, k }) => `Then ${name} collects until there are ${k} times as many.`,
    ({ name, thing, k }) => `After a year ${name} has ${k} times as many ${thing}.`,
  ],
  '/': [
    ({ name, k }) => `${name} shares them equally among ${k} boxes and keeps one box.`,
    ({ name, thing, k }) => `${name} sorts the ${thing} into ${k} equal piles and keeps only one pile.`,
  ],
};

/** An operator and second operand that keep the number whole, positive, and no larger than `largest`. */
function drawOperation(options: { value: number; largest: number; random: RandomStream }): {
  operator: Operator;
  k: number;
} {
  const { value, largest, random } = options;
  const divisors = [2, 3, 4, 5, 6, 7, 8, 9].filter((k) => value % k === 0 && value / k > 1);
  const operators: Operator[] = [];
  if (value + 2 <= largest) operators.push('+');
  if (value > 3) operators.push('-');
  if (value * 2 <= largest) operators.push('*');
  if (divisors.length > 0) operators.push('/');
  const operator = random.pick(operators);
  switch (operator) {
    case '+':
      return { operator, k: 2 + random.integer(Math.min(98, largest - value - 1)) };
    case '-':
      return { operator, k: 2 + random.integer(value - 3) };
    case '*':
      return { operator, k: 2 + random.integer(Math.min(8, Math.floor(largest / value) - 1)) };
    case '/':
      return { operator, k: random.pick(divisors) };
  }
}

const apply: Record<Operator, (value: number, k: number) => number> = {
  '+': (value, k) => value + k,
  '-': (value, k) => value - k,
  '*': (value, k) => value * k,
  '/': (value, k) => value / k,
};

/** Makes word problems of several steps, each step an equation `<<12+5=17>>` as in GSM8K-Aug; all numbers are whole. */
export function* generateArithmetic(options: GenerateArithmeticOptions = {}): Generator<ReasoningExample> {
  const { count = Infinity, seed = 42, steps = { minimum: 2, maximum: 5 }, largest = 999 } = options;
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
  if (!Number.isInteger(largest) || largest < 20 || largest > 1_000_000)
    throw new DataError({
      code: 'invalid-option',
      message: `largest: ${largest} is not a whole number from 20 to 1,000,000.`,
    });
  const random = new RandomStream({ seed, name: 'arithmetic' });
  for (let made = 1; made <= count; made += 1) {
    const name = random.pick(peopleNames);
    const thing = random.pick(things);
    let value = 4 + random.integer(Math.min(96, largest - 4));
    const told = [`${name} has ${value} ${thing}.`];
    const chain: { text: string }[] = [];
    const length = steps.minimum + random.integer(steps.maximum - steps.minimum + 1);
    while (chain.length < length) {
      const { operator, k } = drawOperation({ value, largest, random });
      const result = apply[operator](value, k);
      told.push(random.pick(sentences[operator])({ name, thing, k }));
      chain.push({ text: `<<${value}${operator}${k}=${result}>>` });
      value = result;
    }
    yield {
      id: String(made),
      question: `${told.join(' ')} How many ${thing} does ${name} have now?`,
      steps: chain,
      answer: String(value),
      category: `${length} steps`,
    };
  }
}

/** This generator as an entry of the registry. */
export const arithmeticGenerator = textGenerator({
  name: 'arithmetic',
  description: 'multi-step word problems, each step an equation <<12+5=17>>',
  format: 'coconut-json',
  defaultCounts: { train: 50000, validation: 500, test: 1000 },
  options: {
    minimumSteps: { description: 'minimum number of steps', default: 2 },
    maximumSteps: { description: 'maximum number of steps', default: 5 },
    largest: { description: 'largest number', default: 999 },
  },
  writer: jsonArray(({ question, steps, answer }) => ({ question, steps: steps.map((step) => step.text), answer })),
  generate: (seed, { minimumSteps, maximumSteps, largest }) =>
    generateArithmetic({
      seed,
      steps: { minimum: minimumSteps as number, maximum: maximumSteps as number },
      largest: largest as number,
    }),
});
