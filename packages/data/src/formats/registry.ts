import { basename, dirname } from 'node:path';
import { ownValue } from '@subtext/core';
import { DataError } from '../errors';
import { readScenes } from '../scenes/read-scenes';
import type { SceneSplit } from '../scenes/draw-splits';
import { readCoconutJson, readProsQA } from './coconut-json';
import type { ReadFileOptions } from './coconut-json';
import type { ExampleStream } from './example-stream';
import { readGsm8k } from './gsm8k';
import { readICotText } from './icot-text';
import { readJsonl } from './jsonl';
import { readLlavaCot } from './llava-cot';
import { readNlvr } from './nlvr';
import { readProntoQA } from './prontoqa';
import { readTabMwp } from './tabmwp';
import { readVlmEvalKit } from './vlmevalkit';

/** A way to read a file of examples. */
export interface DatasetFormat {
  /** One line on what the file looks like and where it comes from. */
  description: string;
  /** Whether pictures or facts lie beside the file, so that it has to be on this machine. @default false */
  beside?: boolean;
  /** Reads the file with the format's own defaults. */
  read(options: ReadFileOptions): ExampleStream;
}

const inFolder = (file: string): { folder: string; file: string } => ({ folder: dirname(file), file: basename(file) });

/** Every format by name: a format is one file and one line here. */
export const formats = {
  jsonl: {
    description:
      'data of your own: JSON lines { question, answer } and, where there are any, image, steps (texts or { name, text }), id, category, choices; or the same columns in Parquet',
    read: readJsonl,
  },
  'llava-cot': {
    description:
      'LLaVA-CoT-100k: JSON lines { id, image, conversations } with four stages an answer, images beside them',
    beside: true,
    read: ({ file, ...rest }) => readLlavaCot({ ...inFolder(file), ...rest }),
  },
  scenes: {
    description: 'pictures made by `generate scenes`: the LLaVA-CoT layout with SPLIT.facts.jsonl beside it',
    beside: true,
    read: ({ file, ...rest }) =>
      readScenes({ folder: dirname(file), split: basename(file, '.jsonl') as SceneSplit | 'base', ...rest }),
  },
  'coconut-json': {
    description: 'Coconut: a JSON array of { question, steps, answer }; GSM8K-Aug',
    read: readCoconutJson,
  },
  prosqa: {
    description:
      'ProsQA, words or graphs: Coconut’s JSON with idx_to_symbol, edges, root, target, neg_target (and neighbor_k)',
    read: readProsQA,
  },
  prontoqa: {
    description: 'ProntoQA: a JSON object of groups of { question, query, chain_of_thought, answer }',
    read: readProntoQA,
  },
  gsm8k: {
    description: 'GSM8K: JSON lines or Parquet { question, answer } with <<…>> marks and #### RESULT',
    read: readGsm8k,
  },
  'icot-text': {
    description: 'Internalize CoT Step by Step: lines QUESTION||CHAIN #### ANSWER; multiplication, GSM8K-Aug',
    read: readICotText,
  },
  nlvr: {
    description: 'NLVR: JSON lines { sentence, identifier, directory, label }, pictures in images/',
    beside: true,
    read: readNlvr,
  },
  tabmwp: {
    description: 'TabMWP: a JSON object of problems by number, pictures of tables in tables/',
    beside: true,
    read: readTabMwp,
  },
  vlmevalkit: {
    description: 'VLMEvalKit: tab-separated index, image (base64), question, answer, options A, B, …',
    read: readVlmEvalKit,
  },
} as const satisfies Record<string, DatasetFormat>;

export type FormatName = keyof typeof formats;

const registered = new Map<string, DatasetFormat>();

/** Adds a format, which files can then be read in by its name. Throws DataError `invalid-option` where the name is taken. */
export function registerFormat({ name, ...format }: DatasetFormat & { name: string }): void {
  if (registered.has(name) || ownValue<DatasetFormat>(formats, name) !== undefined)
    throw new DataError({
      code: 'invalid-option',
      message: `there is a data format ${JSON.stringify(name)} already; give another name to the one that is registered.`,
    });
  registered.set(name, format);
}

/** The names of all formats, those that were registered too. */
export function formatNames(): string[] {
  return [...Object.keys(formats), ...registered.keys()];
}

/**
 * The format of a name.
 *
 * @throws DataError `unknown-format`
 */
export function findFormat(name: string): DatasetFormat {
  const format = registered.get(name) ?? ownValue<DatasetFormat>(formats, name);
  if (format === undefined)
    throw new DataError({
      code: 'unknown-format',
      message: `there is no data format ${JSON.stringify(name)}. Take one of: ${formatNames().join(', ')}.`,
    });
  return format;
}
