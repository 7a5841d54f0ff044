import { DataError } from '../errors';
import { readWholeText, type FileLimits } from './data-file';
import { parseExactJson } from './exact-json';
import type { FaultLog } from './fault-log';
import { isParquet, readParquetRows } from './parquet-rows';
import { readLines } from './read-lines';

/** Whether a text is a JSON object, for telling one layout from another. */
function isRecord(text: string): boolean {
  try {
    return isObject(JSON.parse(text));
  } catch {
    return false;
  }
}

/** What a file that is not one JSON value is likely to be. */
function hintForJson(text: string): string {
  const [first = '', second = ''] = text.split('\n', 12).filter((line) => line.trim() !== '');
  if (isRecord(first) && (second === '' || isRecord(second)))
    return ' It holds JSON lines, one record a line, where one JSON value is expected: take a format of lines (jsonl, gsm8k, llava-cot, …), or put the records into one array.';
  return '';
}

/** Reads a file that is one JSON value, or throws a DataError that names it. */
export async function readJson(file: string, limits: FileLimits = {}): Promise<unknown> {
  const text = await readWholeText(file, limits);
  try {
    return parseExactJson({ text, name: 'the file' });
  } catch (cause) {
    throw new DataError({
      code: 'file-malformed',
      file,
      message: `${(cause as Error).message}.${hintForJson(text)}`,
      cause,
    });
  }
}

export type JsonObject = Record<string, unknown>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isText(value: unknown): value is string {
  return typeof value === 'string' && value.trim() !== '';
}

export function isTextList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

/** The records of a file that is a JSON array, numbered from 1; those that are not objects are counted as faults. */
export async function* readJsonRecords(
  file: string,
  log: FaultLog,
  limits: FileLimits = {},
): AsyncGenerator<{ number: number; record: JsonObject }> {
  const records = await readJson(file, limits);
  if (!Array.isArray(records)) {
    const one =
      isObject(records) && 'question' in records
        ? ' It holds one record, as JSON lines do: take the format jsonl, or put the record into an array.'
        : '';
    throw new DataError({ code: 'file-malformed', file, message: `the file is not a JSON array of records.${one}` });
  }
  for (const [index, record] of records.entries()) {
    log.report.records += 1;
    if (isObject(record)) yield { number: index + 1, record };
    else log.add({ kind: 'record-malformed', line: index + 1, message: `record ${index + 1} is not an object.` });
  }
}

/** The value of a line of JSON; undefined where it is none, which is counted as a fault. */
export function parseLine(options: {
  text: string;
  number: number;
  problem?: string;
  log: FaultLog;
}): { value: unknown } | undefined {
  const { text, number, problem, log } = options;
  if (problem !== undefined) {
    log.add({ kind: 'text-malformed', line: number, message: problem });
    return undefined;
  }
  try {
    return { value: parseExactJson({ text, name: 'the line' }) };
  } catch (cause) {
    log.add({ kind: 'json-malformed', line: number, message: `${(cause as Error).message}.` });
    return undefined;
  }
}

/**
 * The records of a file of JSON lines, with their line, or of a Parquet file, with their row; lines that are not JSON are
 * counted as faults.
 */
export async function* readJsonLines(
  file: string,
  log: FaultLog,
  {
    columns,
    ...limits
  }: FileLimits & { /** Columns that a Parquet file has to have. @default none */ columns?: readonly string[] } = {},
): AsyncGenerator<{ number: number; record: unknown }> {
  if (await isParquet(file)) {
    yield* readParquetRows({ file, log, columns, ...limits });
    return;
  }
  let before: string | undefined;
  for await (const { number, text, problem } of readLines(file, limits)) {
    // A list opens the file, or an object that goes on in the next line: one JSON value, which no line of it is.
    const opens =
      log.report.records === 0
        ? /^\s*\[/.test(text)
        : log.report.records === 1 && before?.trim() === '{' && /^\s*("|\})/.test(text);
    if (opens && !isRecord(text)) {
      throw new DataError({
        code: 'file-malformed',
        file,
        line: number,
        message:
          'the file is one JSON value, where JSON lines, one record a line, are expected. Take a format of whole JSON (coconut-json, prosqa, prontoqa, tabmwp), or write one record a line.',
      });
    }
    before = text;
    log.report.records += 1;
    const parsed = parseLine({ text, number, problem, log });
    if (parsed) yield { number, record: parsed.value };
  }
}

/** A number written as the sets' answers are compared: no separators of thousands, no spaces; other text only trimmed. */
export function plainAnswer(answer: string): string {
  const trimmed = answer.trim();
  return /^[-+]?\d{1,3}(,\d{3})+(\.\d+)?$/.test(trimmed) ? trimmed.replaceAll(',', '') : trimmed;
}

/** Text, or a number as text; undefined for anything else, and for nothing. */
export function asText(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value);
  return isText(value) ? value : undefined;
}
