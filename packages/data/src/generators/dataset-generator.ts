import { ownValue } from '@subtext/core';
import type { Peers } from '@subtext/core/node';
import { DataError } from '../errors';
import type { FormatName } from '../formats/registry';

export type DatasetSplit = 'train' | 'validation' | 'test';

/** A setting of a generator, for programs that list or ask for it. */
export interface GeneratorOption {
  description: string;
  default: number | string | boolean;
  choices?: readonly string[];
}

export interface GenerateDatasetOptions {
  /** The folder to write: absent, empty, or holding the same set (which is kept). */
  folder: string;
  /** Examples by split. @default the generator's */
  counts?: Partial<Record<DatasetSplit, number>>;
  /** @default 42 */
  seed?: number;
  /** The generator's own settings, by name. @default each one's default */
  options?: Record<string, unknown>;
  /** The processes that write together, each with the same options, into a folder that all of them see: pictures are dealt, texts are the first one's. @default this one by itself */
  peers?: Peers;
  onProgress?: (progress: { written: number; total: number }) => void;
  /** Stops the work; nothing is left behind. */
  signal?: AbortSignal;
}

/** What a generator wrote. */
export interface GeneratedDataset {
  folder: string;
  /** The file of each split. */
  files: Partial<Record<DatasetSplit, string>>;
  counts: Record<DatasetSplit, number>;
  /** True where the folder held this set already. */
  kept: boolean;
  /** What is worth telling a person, a line each. */
  notes: string[];
}

/** A maker of examples that writes them to a folder in a published format. */
export interface DatasetGenerator {
  description: string;
  /** The format of the files, by its name among `formats`. */
  format: FormatName;
  defaultCounts: Record<DatasetSplit, number>;
  options: Record<string, GeneratorOption>;
  /** @throws DataError `invalid-option` for unknown or impossible options, `space-exhausted` */
  write(options: GenerateDatasetOptions): Promise<GeneratedDataset>;
}

/** Fills in defaults; refuses names and types that the generator does not know. */
export function settleOptions(options: {
  known: Record<string, GeneratorOption>;
  given: Record<string, unknown>;
}): Record<string, number | string | boolean> {
  const { known, given } = options;
  const settled: Record<string, number | string | boolean> = Object.fromEntries(
    Object.entries(known).map(([name, option]) => [name, option.default]),
  );
  for (const [name, value] of Object.entries(given)) {
    const option = ownValue(known, name);
    if (!option)
      throw new DataError({
        code: 'invalid-option',
        message: `there is no option ${name}; options are ${Object.keys(known).join(', ') || 'none'}.`,
      });
    if (
      typeof value !== typeof option.default ||
      (typeof value === 'number' && !Number.isFinite(value)) ||
      (option.choices && !option.choices.includes(value as string))
    ) {
      throw new DataError({
        code: 'invalid-option',
        message: `${name}: ${JSON.stringify(value)} is not ${option.choices ? `one of ${option.choices.join(', ')}` : `a ${typeof option.default}`}.`,
      });
    }
    settled[name] = value as number | string | boolean;
  }
  return settled;
}

/** Examples that one split may have: each is held by a hash, so that none is written twice. */
const mostExamples = 10_000_000;

/** The number of examples of each split, checked; splits that are not named get none. */
export function settleCounts(
  defaults: Record<DatasetSplit, number>,
  given: GenerateDatasetOptions['counts'],
): Record<DatasetSplit, number> {
  const counts = given === undefined ? defaults : { train: 0, validation: 0, test: 0, ...given };
  for (const [split, count] of Object.entries(counts)) {
    if (!Object.hasOwn(defaults, split) || !Number.isInteger(count) || count < 0 || count > mostExamples) {
      throw new DataError({
        code: 'invalid-option',
        message: `counts: ${split} is ${count}; counts are whole numbers to ${mostExamples} for train, validation and test.`,
      });
    }
  }
  if (Object.values(counts).every((count) => count === 0))
    throw new DataError({ code: 'invalid-option', message: 'counts: there is nothing to generate.' });
  return counts;
}
