import { normalizeAnswer } from '../measures/normalize-answer';
import type { ReasoningExample } from '../reasoning-example';

/** A step that does something to the number of the step before: `<<12+5=17>>`, `3 +4 =7`. */
interface Operation {
  left: number;
  operator: string;
  operand: number;
  result: number;
}

const equation = /^(?:<<)?\s*(-?\d+)\s*([-+*/])\s*(\d+)\s*=\s*(-?\d+)\s*(?:>>)?$/;

const apply: Readonly<Record<string, (value: number, operand: number) => number>> = {
  '+': (value, operand) => value + operand,
  '-': (value, operand) => value - operand,
  '*': (value, operand) => value * operand,
  '/': (value, operand) => value / operand,
};

/** The operations of a chain in which each step goes on from the number before, up to the answer; undefined for others. */
function operationsOf({ steps, answer }: ReasoningExample): Operation[] | undefined {
  const operations: Operation[] = [];
  for (const { text } of steps) {
    const [, left, operator, operand, result] = equation.exec(text.trim()) ?? [];
    if (operator === undefined) return undefined;
    const operation = { left: Number(left), operator, operand: Number(operand), result: Number(result) };
    const before = operations.at(-1);
    if (before !== undefined && before.result !== operation.left) return undefined;
    operations.push(operation);
  }
  const last = operations.at(-1);
  return last !== undefined && normalizeAnswer(String(last.result)) === normalizeAnswer(answer)
    ? operations
    : undefined;
}

/** What the steps of a set are counted modulo; 0 where they are plain, undefined where they are right in neither way. */
function modulusOf(operations: readonly Operation[]): number | undefined {
  let modulus = 0;
  let largest = 0;
  for (const { left, operator, operand, result } of operations) {
    const difference = apply[operator]!(left, operand) - result;
    if (!Number.isInteger(difference)) return undefined;
    modulus = greatestCommonDivisor(modulus, Math.abs(difference));
    largest = Math.max(largest, left, result);
  }
  return modulus === 0 || modulus > largest ? modulus : undefined;
}

function greatestCommonDivisor(one: number, other: number): number {
  return other === 0 ? one : greatestCommonDivisor(other, one % other);
}

/** The answers of {@link chainAnswers}. */
export type ChainAnswer = (options: {
  example: ReasoningExample;
  partner: ReasoningExample;
  /** Which step, from 0. */
  step: number;
}) => string | null;

/**
 * For sets whose steps are equations that each go on from the number before, plain (`<<12+5=17>>`) or modulo a number
 * (`8 +4 =2`), which is told from all steps: what an example's answer is if a step gave the number that it gave another
 * example, the rest of the own chain run again from there. Null where the rest gives no whole number, or one out of the
 * range of the set. Undefined for sets of other steps.
 */
export function chainAnswers({ examples }: { examples: readonly ReasoningExample[] }): ChainAnswer | undefined {
  const chains = new Map<ReasoningExample, Operation[]>();
  for (const example of examples) {
    const operations = operationsOf(example);
    if (operations !== undefined) chains.set(example, operations);
  }
  const all = [...chains.values()].flat();
  const modulus = all.length === 0 ? undefined : modulusOf(all);
  if (modulus === undefined) return undefined;
  const numbers = all.flatMap(({ left, result }) => [left, result]);
  const lowest = numbers.reduce((least, value) => Math.min(least, value));
  const highest = numbers.reduce((most, value) => Math.max(most, value));
  return ({ example, partner, step }) => {
    const [own, other] = [chains.get(example), chains.get(partner)];
    if (own?.[step] === undefined || other?.[step] === undefined) return null;
    let value = other[step].result;
    for (const { operator, operand } of own.slice(step + 1)) {
      value = apply[operator]!(value, operand);
      if (modulus > 0) value = ((value % modulus) + modulus) % modulus;
      if (!Number.isInteger(value) || value < lowest || value > highest) return null;
    }
    return String(value);
  };
}
