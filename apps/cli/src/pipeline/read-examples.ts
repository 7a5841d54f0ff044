import { printableLine } from '@subtext/core';
import {
  DataError,
  detectFormat,
  findFormat,
  inspectImage,
  type FaultReport,
  type ReasoningExample,
} from '@subtext/data';
import { UsageError } from '@subtext/terminal';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';

export interface ReadExamplesResult {
  examples: ReasoningExample[];
  /** Records left out because of faults. */
  skipped: number;
  /** The first faults, for people. */
  faults: string[];
  /** What the reading met, for the run's folder. */
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

/** Pictures looked at side by side. */
const PICTURES_AT_ONCE = 32;

/** The file of a path: a folder that has a train.jsonl, as LLaVA-CoT's and generated ones, stands for it. */
export async function dataFile(path: string): Promise<string> {
  const inside = join(path, 'train.jsonl');
  const found = await Promise.all([
    stat(path).then(
      (status) => status.isDirectory(),
      () => false,
    ),
    stat(inside).then(
      (status) => status.isFile(),
      () => false,
    ),
  ]);
  return found.every(Boolean) ? inside : path;
}

/** What to try where a file gives no example: the format that it looks like. */
export async function formatHint({ file, format }: { file: string; format: string }): Promise<string | undefined> {
  const detected = await detectFormat(file).catch(() => undefined);
  return detected === undefined || detected === format
    ? undefined
    : `The file looks like ${detected}, not like ${format}: name that format.`;
}

/** Does something with a file; where it cannot be read in its format, the error says which one it looks like. */
export async function withFormatHint<Result>({
  file,
  format,
  work,
}: {
  file: string;
  format: string;
  work: () => Promise<Result>;
}): Promise<Result> {
  try {
    return await work();
  } catch (cause) {
    if (!DataError.isInstance(cause) || cause.code !== 'file-malformed') throw cause;
    const hint = await formatHint({ file, format });
    throw hint === undefined ? cause : new DataError({ code: cause.code, message: `${cause.message} ${hint}`, cause });
  }
}

/** Reads a whole set and looks at its pictures. Faults beyond the stated share end in one error that names them. */
export async function readExamples({
  format,
  path,
  faults: allowed,
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
  const reader = findFormat(format);
  const file = await dataFile(path);
  const stream = reader.read({ file, limit });
  let examples = await withFormatHint({ file, format, work: () => stream.toArray() });
  const { records, dropped: faulty, first } = stream.faults;
  const counts = { ...stream.faults.counts };
  const named = first.map(({ line, message, kind }) => `${file}:${line}: ${message} (${kind})`);
  let dropped = faulty;
  if (categories) examples = examples.filter(({ category }) => category !== undefined && categories.includes(category));
  if (!images) examples = examples.map(({ image: _, ...example }) => example);
  else {
    const broken = await brokenPictures(examples);
    if (broken.size > 0) {
      counts['image-broken'] = (counts['image-broken'] ?? 0) + broken.size;
      dropped += broken.size;
      for (const [{ id, image }, problem] of [...broken].slice(0, 100))
        named.push(printableLine(`${file}: example ${id}: ${image!.path}: ${problem} (image-broken)`));
      examples = examples.filter((example) => !broken.has(example));
    }
  }
  const met = Object.values(counts).reduce((sum, count) => sum + count, 0);
  if (allowed === 'strict' ? met > 0 : dropped > allowed * Math.max(1, records)) {
    const what =
      allowed === 'strict'
        ? `${met} ${met === 1 ? 'fault' : 'faults'} in ${records} records of ${file}`
        : `${dropped} of ${records} records of ${file} are faulty, more than the share of ${allowed} that data.faults allows`;
    const more =
      met > NAMED ? `\n  … and ${met - NAMED} more; "subtext data check ${file} --format ${format}" names them` : '';
    const advice =
      allowed === 'strict' ? '\nMend them, or let a share of the records be left out, such as data.faults=0.01.' : '';
    const hint = examples.length === 0 ? await formatHint({ file, format }) : undefined;
    throw new UsageError(
      `${what}:\n${named
        .slice(0, NAMED)
        .map((line) => `  ${line}`)
        .join('\n')}${more}${hint === undefined ? advice : `\n${hint}`}`,
    );
  }
  if (examples.length === 0)
    throw new UsageError(`${path} holds no example${categories ? ` of the kinds ${categories.join(', ')}` : ''}.`);
  return {
    examples,
    skipped: dropped,
    faults: named,
    report: { file, records, examples: examples.length, dropped, faults: counts },
  };
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
      if (
        !(await stat(path).then(
          () => true,
          () => false,
        ))
      )
        continue;
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
