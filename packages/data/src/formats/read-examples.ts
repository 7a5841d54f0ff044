import { printableLine } from '@subtext/core';
import { stat } from 'node:fs/promises';

import { DataError } from '../errors';
import { inspectImage } from '../images/inspect-image';
import type { ReasoningExample } from '../reasoning-example';
import { isOnHub } from './data-file';
import { detectFormat } from './detect-format';
import { examplesFile, formatHint, withFormatHint } from './examples-file';
import type { FaultReport } from './fault-log';
import { findFormat, formatNames } from './registry';

/** How a set of examples is read whole. */
export interface ReadExamplesOptions {
  /** The file, also on the Hugging Face Hub (`hf://datasets/OWNER/NAME[@REVISION]/PATH`), or the folder of its `train.jsonl`. */
  path: string;
  /** A name in `formats`, or one that was registered. @default what the file looks like */
  format?: string;
  /** `strict`, or the share of faulty records that may be left out. @default 'strict' */
  faults?: 'strict' | number;
  /** Whether examples keep their pictures; each is then looked at. @default true */
  images?: boolean;
  /** Kinds of question to keep. @default all */
  categories?: readonly string[];
  /** Records that are read at most. @default all */
  limit?: number;
}

/** A set of examples with what its reading met. */
export interface ReadExamplesResult {
  examples: ReasoningExample[];
  /** Records left out because of faults. */
  skipped: number;
  /** The first faults, for people. */
  faults: string[];
  /** What the reading met, for a run's folder. */
  report: DataReport;
}

/** What stands in a file of examples. */
export interface DataReport {
  /** The file. */
  file: string;
  records: number;
  /** Examples that were taken. */
  examples: number;
  /** Examples left out for a fault. */
  dropped: number;
  /** How often each kind of fault was met. */
  faults: FaultReport['counts'];
}

/** Faults that an error names. */
const NAMED = 10;

/** Faults that a result names. */
const LISTED = 100;

/** Pictures looked at side by side. */
const PICTURES_AT_ONCE = 32;

/**
 * Reads a whole set and looks at its pictures. Faults beyond the stated share end in one error that names them.
 *
 * @throws DataError `faulty-records`, `empty-set`, `unknown-format`, and what reading the file throws
 */
export async function readExamples({
  path,
  format: named,
  faults: allowed = 'strict',
  images = true,
  categories,
  limit,
}: ReadExamplesOptions): Promise<ReadExamplesResult> {
  const file = await examplesFile(path);
  const format = named ?? (await detected(file));
  const layout = findFormat(format);
  if (layout.beside && isOnHub(file))
    throw new DataError({
      code: 'invalid-option',
      file,
      message: `${format} has pictures or facts beside its file, which are not fetched from the Hub. Download them, and name the file here.`,
    });
  const stream = layout.read({ file, limit });
  let examples = await withFormatHint({ file, format, work: () => stream.toArray() });
  const { records, dropped: faulty, first } = stream.faults;
  const counts = { ...stream.faults.counts };
  const faults = first.map(({ line, message, kind }) => `${file}:${line}: ${message} (${kind})`);
  let dropped = faulty;
  if (categories) examples = examples.filter(({ category }) => category !== undefined && categories.includes(category));
  if (!images) examples = examples.map(({ image: _, ...example }) => example);
  else {
    const broken = await brokenPictures(examples);
    if (broken.size > 0) counts['image-broken'] = (counts['image-broken'] ?? 0) + broken.size;
    dropped += broken.size;
    for (const [{ id, image }, problem] of [...broken].slice(0, LISTED))
      faults.push(printableLine(`${file}: example ${id}: ${image!.path}: ${problem} (image-broken)`));
    examples = examples.filter((example) => !broken.has(example));
  }
  const met = Object.values(counts).reduce((sum, count) => sum + count, 0);
  if (allowed === 'strict' ? met > 0 : dropped > allowed * Math.max(1, records)) {
    const hint = examples.length === 0 ? await formatHint({ file, format }) : undefined;
    throw tooFaulty({ file, format, allowed, met, dropped, records, faults, hint });
  }
  if (examples.length === 0)
    throw new DataError({
      code: 'empty-set',
      message: `${path} holds no example${categories ? ` of the kinds ${categories.join(', ')}` : ''}.`,
    });
  return {
    examples,
    skipped: dropped,
    faults,
    report: { file, records, examples: examples.length, dropped, faults: counts },
  };
}

/** @throws DataError `unknown-format` where a file looks like none */
async function detected(file: string): Promise<string> {
  const format = await detectFormat(file);
  if (format !== undefined) return format;
  throw new DataError({
    code: 'unknown-format',
    message: `${file} looks like no format that is known. Name it: ${formatNames().join(', ')}.`,
  });
}

function tooFaulty({
  file,
  format,
  allowed,
  met,
  dropped,
  records,
  faults,
  hint,
}: {
  file: string;
  format: string;
  allowed: 'strict' | number;
  /** Faults of all kinds. */ met: number;
  dropped: number;
  records: number;
  faults: readonly string[];
  hint: string | undefined;
}): DataError {
  const what =
    allowed === 'strict'
      ? `${met} ${met === 1 ? 'fault' : 'faults'} in ${records} records of ${file}`
      : `${dropped} of ${records} records of ${file} are faulty, more than the share of ${allowed} that may be left out (data.faults)`;
  const more =
    met > NAMED ? `\n  … and ${met - NAMED} more; "subtext data check ${file} --format ${format}" names them` : '';
  const advice =
    allowed === 'strict'
      ? '\nMend them, or let a share of the records be left out, such as data.faults=0.01 (faults: 0.01).'
      : '';
  const named = faults
    .slice(0, NAMED)
    .map((line) => `  ${line}`)
    .join('\n');
  return new DataError({
    code: 'faulty-records',
    message: `${what}:\n${named}${more}${hint === undefined ? advice : `\n${hint}`}`,
  });
}

/** The examples whose picture files cannot be pictures, with what is wrong. Pictures inside data files are passed over. */
async function brokenPictures(examples: readonly ReasoningExample[]): Promise<Map<ReasoningExample, string>> {
  const paths = [...new Set(examples.flatMap(({ image }) => (image ? [image.path] : [])))];
  const problems = new Map<string, string>();
  let next = 0;
  const look = async () => {
    for (let index = next++; index < paths.length; index = next++) {
      const path = paths[index]!;
      // FILE:LINE names a picture inside a data file. What is there and no file, such as a pipe, is told.
      if ((await stat(path).catch(() => undefined)) === undefined) continue;
      const problem = await inspectImage({ path });
      if (problem !== undefined) problems.set(path, problem);
    }
  };
  await Promise.all(Array.from({ length: PICTURES_AT_ONCE }, look));
  return new Map(
    examples.flatMap((example): [ReasoningExample, string][] => {
      const problem = example.image && problems.get(example.image.path);
      return problem === undefined ? [] : [[example, problem]];
    }),
  );
}
