import { ReasonerError } from '../errors';

/** A value as a message names it: a model's folder may hold anything where a number belongs. */
export function asWritten(value: unknown): string {
  return typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value));
}

/** Throws `invalid-option` unless the value is a whole number of at least `least`. */
export function checkCount({
  method,
  option,
  value,
  least = 1,
}: {
  method: string;
  option: string;
  value: number;
  /** @default 1 */ least?: number;
}): void {
  if (Number.isInteger(value) && value >= least) return;
  throw new ReasonerError({
    code: 'invalid-option',
    message: `The method "${method}" takes a whole number of at least ${least} as ${option}, not ${asWritten(value)}.`,
  });
}

/** Throws `invalid-option` unless the value is a probability. */
export function checkProbability({ method, option, value }: { method: string; option: string; value: number }): void {
  if (typeof value === 'number' && value >= 0 && value <= 1) return;
  throw new ReasonerError({
    code: 'invalid-option',
    message: `The method "${method}" takes a number from 0 to 1 as ${option}, not ${asWritten(value)}.`,
  });
}

/** Throws `missing-stage` where a method that hides a chain of thought is given data without one. */
export function checkSteps({ method, stages }: { method: string; stages: readonly string[] }): void {
  if (stages.length > 0) return;
  throw new ReasonerError({
    code: 'missing-stage',
    message: `The method "${method}" hides steps of a chain of thought, but no example has a step. Take data with steps, or the method "no-cot" or "pause".`,
  });
}
