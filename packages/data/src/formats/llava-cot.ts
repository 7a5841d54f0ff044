import { join } from 'node:path';
import { DataError } from '../errors';
import { imageFile } from '../images/load-image';
import { resolveInside } from '../images/resolve-inside';
import { RandomStream } from '@subtext/core';
import type { ImageReference, ReasoningExample } from '../reasoning-example';
import { openForReading } from './data-file';
import type { FileLimits } from './data-file';
import { ExampleStream } from './example-stream';
import type { ReadOptions } from './example-stream';
import { FaultLog } from './fault-log';
import { llavaCotStages, parseStages } from './parse-stages';
import { parseLine } from './read-json';
import { readLines } from './read-lines';
import type { Line } from './read-lines';

export interface ReadLlavaCotOptions extends ReadOptions {
  /** The data folder. */
  folder: string;
  /** The records, one JSON object a line, in the folder. @default 'train.jsonl' */
  file?: string;
  /** Where image paths start, in the folder. @default '.' */
  imageFolder?: string;
  /** The tags of the stages in order; the last is the answer. @default SUMMARY, CAPTION, REASONING, CONCLUSION */
  stages?: readonly string[];
  /**
   * Give the examples in an order shuffled by this seed (the paper's is 42). Costs a first pass over the file, which
   * checks every record, and 40 bytes an example.
   * @default undefined: in the file's order
   */
  shuffleSeed?: number;
}

interface Context {
  file: string;
  imageFolder: string;
  stages: readonly string[];
  limits: FileLimits;
}

const placeholder = /<image>\s*/g;

/** One line's record taken apart into its question-answer pairs; a faulty pair is `undefined`, so that positions stay. */
function parseRecord(options: {
  line: Pick<Line, 'number' | 'text' | 'problem'>;
  context: Context;
  log: FaultLog;
}): (ReasoningExample | undefined)[] {
  const { line, context, log } = options;
  const fail = (kind: Parameters<FaultLog['add']>[0]['kind'], message: string, dropped = true): [] => {
    log.add({ kind, line: line.number, message, dropped });
    return [];
  };

  const parsed = parseLine({ ...line, log });
  if (!parsed) return [];
  const record = parsed.value as { id?: unknown; image?: unknown; conversations?: unknown };
  if (typeof record !== 'object' || record === null || !Array.isArray(record.conversations)) {
    return fail('record-malformed', 'the record is not an object with `conversations`, a list of turns.');
  }
  const turns = record.conversations as ({ from?: unknown; value?: unknown } | null)[];
  if (turns.some((turn) => typeof turn?.value !== 'string' || typeof turn.from !== 'string')) {
    return fail('record-malformed', 'each turn needs `from` and `value`, both text.');
  }
  if (
    turns.length === 0 ||
    turns.length % 2 === 1 ||
    turns.some((turn, index) => turn!.from !== (index % 2 === 0 ? 'human' : 'gpt'))
  ) {
    return fail(
      'roles-wrong',
      `the turns are ${turns.map((turn) => String(turn!.from)).join(', ') || 'none'}; expected human and gpt in turn.`,
    );
  }

  let image: ImageReference | undefined;
  const placeholders = turns.reduce((sum, turn) => sum + ((turn!.value as string).match(placeholder)?.length ?? 0), 0);
  if (placeholders > 1 || Array.isArray(record.image))
    return fail('images-several', 'the record has several images; one is supported.');
  if (record.image === undefined || record.image === null || record.image === '') {
    if (placeholders > 0)
      return fail('image-missing', 'the question has an <image> placeholder, but the record has no `image`.');
  } else if (typeof record.image !== 'string') {
    return fail('record-malformed', '`image` is not a path.');
  } else {
    const resolved = resolveInside({ folder: context.imageFolder, path: record.image });
    if ('problem' in resolved) {
      return resolved.problem === 'missing'
        ? fail('image-missing', `there is no image ${record.image}.`)
        : fail('image-outside-folder', `the image path ${record.image} leads out of the data folder; it is refused.`);
    }
    image = imageFile(resolved.path);
  }

  const id = typeof record.id === 'string' || typeof record.id === 'number' ? String(record.id) : `line-${line.number}`;
  const pairs: (ReasoningExample | undefined)[] = [];
  for (let turn = 0; turn < turns.length; turn += 2) {
    const stages = parseStages({ text: turns[turn + 1]!.value as string, stages: context.stages });
    const question = (turns[turn]!.value as string).replace(placeholder, '').trim();
    const pairId = turns.length === 2 ? id : `${id}#${turn / 2 + 1}`;
    if ('fault' in stages) {
      fail(stages.fault, `${turns.length === 2 ? '' : `turn ${turn / 2 + 1}: `}${stages.message}`);
      pairs.push(undefined);
    } else if (question === '') {
      fail('record-malformed', 'the question is empty.');
      pairs.push(undefined);
    } else {
      if (stages.outside !== '')
        fail(
          'text-outside-stages',
          `text stands outside the stages and is left out: ${JSON.stringify(stages.outside.slice(0, 60))}.`,
          false,
        );
      pairs.push({ id: pairId, question, ...(image ? { image } : {}), steps: stages.steps, answer: stages.answer });
    }
  }
  return pairs;
}

/** A list at the beginning is a whole JSON file, of which every line would be a fault. */
function checkIsLines({ number, text }: Line, file: string): void {
  if (number > 1 || !/^\s*\[\s*(\{|$)/.test(text)) return;
  throw new DataError({
    code: 'file-malformed',
    file,
    line: number,
    message: 'the file is one JSON value, where JSON lines, one record a line, are expected. Write one record a line.',
  });
}

async function* inOrder(context: Context, log: FaultLog): AsyncGenerator<ReasoningExample> {
  for await (const line of readLines(context.file, context.limits)) {
    checkIsLines(line, context.file);
    log.report.records += 1;
    for (const example of parseRecord({ line, context, log })) if (example) yield example;
  }
}

async function* shuffled(context: Context, log: FaultLog, seed: number): AsyncGenerator<ReasoningExample> {
  // The index holds places in the file, not texts: LLaVA-CoT-100k stays on disk.
  const index: { offset: number; byteLength: number; number: number; pair: number }[] = [];
  for await (const line of readLines(context.file, context.limits)) {
    checkIsLines(line, context.file);
    log.report.records += 1;
    parseRecord({ line, context, log }).forEach((example, pair) => {
      if (example) index.push({ offset: line.offset, byteLength: line.byteLength, number: line.number, pair });
    });
  }
  // Faults were counted in the first pass; a record that has changed since is an error of its own.
  const silent = new FaultLog({ file: context.file, strict: false });
  const handle = await openForReading(context.file);
  try {
    for (const { offset, byteLength, number, pair } of new RandomStream({ seed, name: '' }).shuffle(index)) {
      const bytes = Buffer.allocUnsafe(byteLength);
      await handle.read(bytes, 0, byteLength, offset);
      const text = bytes.toString('utf8').replace(/^\uFEFF/, '');
      const example = parseRecord({ line: { number, text }, context, log: silent })[pair];
      if (!example)
        throw new DataError({
          code: 'file-malformed',
          file: context.file,
          line: number,
          message: 'the record changed while the file was read.',
        });
      yield example;
    }
  } finally {
    await handle.close();
  }
}

/**
 * Reads the layout of LLaVA-CoT-100k (arXiv 2411.10440): a line is
 * `{ id, image, conversations: [{ from: 'human', value }, { from: 'gpt', value }, …] }`, and each answer holds the four
 * stages `<SUMMARY> … </SUMMARY> <CAPTION> … </CAPTION> <REASONING> … </REASONING> <CONCLUSION> … </CONCLUSION>`.
 * Records of several turns become one example a question and answer, `ID#1`, `ID#2`, …; `<image>` placeholders are
 * taken out of the question; the conclusion is the answer and the stages before it are named steps.
 * The file is streamed, never held. Faulty records are left out and counted in `faults`, by kind and line.
 */
export function readLlavaCot(options: ReadLlavaCotOptions): ExampleStream {
  const { folder, file = 'train.jsonl', imageFolder = '.', stages = llavaCotStages, shuffleSeed, ...read } = options;
  const context: Context = { file: join(folder, file), imageFolder: join(folder, imageFolder), stages, limits: read };
  return new ExampleStream({
    ...read,
    file: context.file,
    open: (log) => (shuffleSeed === undefined ? inOrder(context, log) : shuffled(context, log, shuffleSeed)),
  });
}
