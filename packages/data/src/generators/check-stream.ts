import { DataError } from '../errors';

/** Checks what every generator in memory takes: a number of examples, or no end, and a seed. */
export function checkStream({ count, seed }: { count: number; seed: number }): void {
  if (count !== Infinity && (!Number.isSafeInteger(count) || count < 0))
    throw new DataError({ code: 'invalid-option', message: `count: ${count} is not a whole number from 0.` });
  if (!Number.isSafeInteger(seed))
    throw new DataError({ code: 'invalid-option', message: `seed: ${seed} is not a whole number.` });
}
