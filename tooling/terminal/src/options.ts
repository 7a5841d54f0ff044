import { InvalidArgumentError, Option } from 'commander';

/** An option's value that is a whole number from 0 on. */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < 0)
    throw new InvalidArgumentError('a whole number is needed.');
  return value;
}

/** An option's value that is a whole number from 1 on. */
export function positiveWholeNumber(text: string): number {
  const value = wholeNumber(text);
  if (value === 0) throw new InvalidArgumentError('a whole number above 0 is needed.');
  return value;
}

/** An option's value that is a number. */
export function number(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('a number is needed.');
  return value;
}

/** An option's value that is a number from 0 on. */
export function nonNegativeNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0)
    throw new InvalidArgumentError('a number from 0 on is needed.');
  return value;
}

/** An option's value that is a share: from 0 to below 1. */
export function share(text: string): number {
  const value = nonNegativeNumber(text);
  if (value >= 1) throw new InvalidArgumentError('a number from 0 to below 1 is needed, such as 0.25.');
  return value;
}

/** Words between commas, without repetition. */
export function wordList(text: string): string[] {
  const words = text.split(',').map((word) => word.trim());
  if (words.some((word) => word === '')) throw new InvalidArgumentError('names between commas are needed.');
  return [...new Set(words)];
}

/** Whole numbers between commas, without repetition. */
export function wholeNumberList(text: string): number[] {
  return wordList(text).map(wholeNumber);
}

/** Further values of an option that may be given several times. */
export function repeated(text: string, earlier: string[] | undefined): string[] {
  return [...(earlier ?? []), text];
}

/** `--include`. */
export function includeOption(): Option {
  return new Option(
    '--include <file>',
    'a JavaScript module that adds methods, tasks, formats, families or objectives; may be repeated',
  )
    .argParser(repeated)
    .default([]);
}

/** Engines that can be asked for by name. */
export const engineNames = ['auto', 'native', 'wasm', 'tensorflow', 'webgpu', 'cpu'] as const;

/** `--dtype`. */
export function dtypeOption(): Option {
  return new Option(
    '--dtype <type>',
    'weight format: quantized weights take less memory and load faster, on the engine native',
  )
    .choices(['float32', 'bf16', 'f16', 'int8', 'int4'])
    .default('float32');
}

/** The engine for weights that are stored so: of its own accord only `native` is taken for fewer bits than float32. */
export function engineFor<Name extends string>({ engine, dtype }: { engine: Name | 'auto'; dtype: string }): string {
  return engine === 'auto' && dtype !== 'float32' ? 'native' : engine;
}

/** `--engine`. */
export function engineOption(): Option {
  return new Option('--engine <name>', 'the engine').choices(engineNames).default('auto');
}
