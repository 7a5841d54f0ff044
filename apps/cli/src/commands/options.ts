import { InvalidArgumentError, Option } from 'commander';

/** An option's value that is a whole number from 0 on. */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('a whole number is needed.');
  return value;
}

/** An option's value that is a whole number from 1 on. */
export function positiveWholeNumber(text: string): number {
  const value = wholeNumber(text);
  if (value === 0) throw new InvalidArgumentError('a whole number above 0 is needed.');
  return value;
}

/** An option's value that is a number from 0 on. */
export function nonNegativeNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0) throw new InvalidArgumentError('a number from 0 on is needed.');
  return value;
}

/** Engines that can be asked for by name. */
export const engineNames = ['auto', 'wasm', 'tensorflow', 'webgpu', 'cpu'] as const;

/** `--engine`, by default what `subtext doctor` says would be taken. */
export function engineOption(defaultName: (typeof engineNames)[number] = 'auto'): Option {
  return new Option('--engine <name>', 'what computes').choices(engineNames).default(defaultName);
}
