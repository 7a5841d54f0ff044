import { formats, type FormatName, type ReasoningExample } from '@subtext/data';
import { UsageError } from '@subtext/terminal';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';

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
  categories,
  limit,
}: {
  format: string;
  path: string;
  /** `strict`, or the share of faulty records that may be skipped. */
  faults: 'strict' | number;
  /** Whether examples keep their pictures. */
  images: boolean;
  /** Kinds of question to keep. @default all */
  categories?: readonly string[];
  limit?: number;
}): Promise<ReadExamplesResult> {
  const reader = formats[format as FormatName] as (typeof formats)[FormatName] | undefined;
  if (!reader) throw new UsageError(`There is no data format "${format}". Take one of: ${Object.keys(formats).join(', ')}.`);
  // A folder stands for the file that LLaVA-CoT has in it.
  const isFolder = await stat(path).then((found) => found.isDirectory(), () => false);
  const stream = reader.read({ file: isFolder ? join(path, 'train.jsonl') : path, strict: faults === 'strict', limit });
  let examples = await stream.toArray();
  const { records, dropped, first } = stream.faults;
  const named = first.map(({ line, message }) => `${path}:${line}: ${message}`);
  if (faults !== 'strict' && dropped > faults * Math.max(1, records)) {
    throw new UsageError(
      `${dropped} of ${records} records of ${path} are faulty, more than the share of ${faults} that data.faults allows:\n${named.slice(0, 10).map((line) => `  ${line}`).join('\n')}`,
    );
  }
  if (categories) examples = examples.filter(({ category }) => category !== undefined && categories.includes(category));
  if (!images) examples = examples.map(({ image: _, ...example }) => example);
  if (examples.length === 0) throw new UsageError(`${path} holds no example.`);
  return { examples, skipped: dropped, faults: named };
}
