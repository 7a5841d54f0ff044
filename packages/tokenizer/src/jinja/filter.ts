import { Budget } from './budget';
import { Arguments } from './inputs';
import { type CallInputs, Lazy } from './values';
import { text } from './value-texts';

/** Functions of the interpreter that filters need. */
export interface FilterContext {
  budget: Budget;
  filter(name: string, value: unknown, inputs: CallInputs): unknown;
  test(name: string, value: unknown, inputs: readonly unknown[]): boolean;
}

export type Filter = (value: unknown, inputs: CallInputs, context: FilterContext) => unknown;

export const noInputs: CallInputs = { positional: [], named: new Map() };

/** A string filter; other values are converted to strings. */
export const ofText =
  (change: (value: string, budget: Budget) => unknown): Filter =>
  (value, inputs, { budget }) => {
    new Arguments('the filter', inputs, []);
    const self = text(value, budget);
    budget.text(self.length);
    return change(self, budget);
  };

export function lazily(items: Iterable<unknown>): Lazy {
  return new Lazy(items[Symbol.iterator]());
}

export const ignoringCase = (sensitive: boolean, value: unknown): unknown =>
  sensitive || typeof value !== 'string' ? value : value.toLowerCase();
