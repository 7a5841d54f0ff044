import type { Budget } from './budget';
import { isLower, isUpper } from './python-text';
import {
  Callable,
  DictView,
  fault,
  Float,
  Lazy,
  LoopState,
  numeric,
  Range,
  Tuple,
  Undefined,
  undefinedFault,
} from './values';
import { compare, contains, equal } from './comparisons';
import { text } from './value-texts';

type Test = (value: unknown, inputs: readonly unknown[], budget: Budget) => boolean;

const remainder = (value: unknown, by: number): number => {
  if (value instanceof Undefined) throw undefinedFault(value);
  const number = numeric(value);
  if (number === undefined) throw fault('expected a number');
  return Math.abs(number % by);
};
const one = (inputs: readonly unknown[]): unknown => {
  if (inputs.length !== 1) throw fault('the test takes one argument');
  return inputs[0];
};
const isEqual: Test = (value, inputs, budget) => equal(value, one(inputs), budget);
const isDifferent: Test = (value, inputs, budget) => !equal(value, one(inputs), budget);
const ordered =
  (operator: string, holds: (sign: number) => boolean): Test =>
  (value, inputs, budget) =>
    holds(compare(value, one(inputs), budget, operator));
const greater = ordered('>', (sign) => sign > 0);
const atLeast = ordered('>=', (sign) => sign >= 0);
const less = ordered('<', (sign) => sign < 0);
const atMost = ordered('<=', (sign) => sign <= 0);
const isCallable: Test = (value) =>
  value instanceof Callable || value instanceof LoopState || value instanceof Undefined;

/** Jinja's tests; `filter` and `test` are handled elsewhere. */
export const tests: Readonly<Record<string, Test>> = {
  odd: (value) => remainder(value, 2) === 1,
  even: (value) => remainder(value, 2) === 0,
  divisibleby: (value, inputs) => remainder(value, numeric(one(inputs)) ?? NaN) === 0,
  defined: (value) => !(value instanceof Undefined),
  undefined: (value) => value instanceof Undefined,
  none: (value) => value === null,
  boolean: (value) => typeof value === 'boolean',
  false: (value) => value === false,
  true: (value) => value === true,
  integer: (value) => typeof value === 'number',
  float: (value) => value instanceof Float,
  number: (value) => numeric(value) !== undefined,
  string: (value) => typeof value === 'string',
  mapping: (value) => value instanceof Map,
  sequence: (value) =>
    typeof value === 'string' ||
    Array.isArray(value) ||
    value instanceof Map ||
    value instanceof Tuple ||
    value instanceof Range ||
    value instanceof Undefined,
  iterable: (value) =>
    typeof value === 'string' ||
    Array.isArray(value) ||
    value instanceof Map ||
    value instanceof Tuple ||
    value instanceof Range ||
    value instanceof Undefined ||
    value instanceof DictView ||
    value instanceof Lazy ||
    value instanceof LoopState,
  callable: isCallable,
  sameas: (value, inputs) => {
    const other = one(inputs);
    return value === other || (value instanceof Float && other instanceof Float && value.value === other.value);
  },
  escaped: () => false,
  lower: (value, _inputs, budget) => isLower(text(value, budget)),
  upper: (value, _inputs, budget) => isUpper(text(value, budget)),
  in: (value, inputs, budget) => contains(one(inputs), value, budget),
  '==': isEqual,
  eq: isEqual,
  equalto: isEqual,
  '!=': isDifferent,
  ne: isDifferent,
  '>': greater,
  gt: greater,
  greaterthan: greater,
  '>=': atLeast,
  ge: atLeast,
  '<': less,
  lt: less,
  lessthan: less,
  '<=': atMost,
  le: atMost,
};
