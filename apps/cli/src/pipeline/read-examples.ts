import { type ExampleStream, readLlavaCot, readScenes, type ReasoningExample } from '@subtext/data';
import { basename, dirname } from 'node:path';

import { UsageError } from '../errors';

/** Readers by the name that a configuration gives. A new format is one line here. */
const readers: Record<string, (options: { path: string; strict: boolean; limit?: number }) => ExampleStream> = {
  'llava-cot': ({ path, ...options }) => readLlavaCot({ ...fileInFolder(path), ...options }),
  scenes: ({ path, ...options }) => readScenes({ folder: dirname(path), split: sceneSplit(path), ...options }),
};

/** `data/train.jsonl` is the split `train`. */
function sceneSplit(path: string): 'base' | 'train' | 'validation' | 'test' {
  const name = basename(path, '.jsonl');
  if (name === 'base' || name === 'train' || name === 'validation' || name === 'test') return name;
  throw new UsageError(`${path} is no split of generated scenes: name base.jsonl, train.jsonl, validation.jsonl or test.jsonl in their folder.`);
}

/** Formats that a configuration can name. */
export const dataFormats = Object.keys(readers);

function fileInFolder(path: string): { folder: string; file?: string } {
  return path.endsWith('.jsonl') ? { folder: dirname(path), file: basename(path) } : { folder: path };
}

export interface ReadExamplesResult {
  examples: ReasoningExample[];
  /** Records left out because of faults. */
  skipped: number;
  /** The first faults, for people. */
  faults: string[];
}

/** Reads a whole set. Faults beyond the stated share end in an error that names them. */
export async function readExamples({
  format,
  path,
  faults,
  images,
  limit,
}: {
  format: string;
  path: string;
  /** `strict`, or the share of faulty records that may be skipped. */
  faults: 'strict' | number;
  /** Whether examples keep their pictures. */
  images: boolean;
  limit?: number;
}): Promise<ReadExamplesResult> {
  const reader = readers[format];
  if (!reader) throw new UsageError(`There is no data format "${format}". Take one of: ${dataFormats.join(', ')}.`);
  const stream = reader({ path, strict: faults === 'strict', limit });
  let examples = await stream.toArray();
  const { records, dropped, first } = stream.faults;
  const named = first.map(({ line, message }) => `${path}:${line}: ${message}`);
  if (faults !== 'strict' && dropped > faults * Math.max(1, records)) {
    throw new UsageError(
      `${dropped} of ${records} records of ${path} are faulty, more than the share of ${faults} that data.faults allows:\n${named.slice(0, 10).map((line) => `  ${line}`).join('\n')}`,
    );
  }
  if (!images) examples = examples.map(({ image: _, ...example }) => example);
  if (examples.length === 0) throw new UsageError(`${path} holds no example.`);
  return { examples, skipped: dropped, faults: named };
}
