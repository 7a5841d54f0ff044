import { readFile } from 'node:fs/promises';
import { DataError } from '../errors';
import type { FaultLog } from './fault-log';

/** Reads a file that is one JSON value, or throws a DataError that names it. */
export async function readJson(file: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new DataError({
      code: missing ? 'file-missing' : 'file-unreadable',
      file,
      message: missing ? 'there is no such file.' : `the file can't be read (${(cause as Error).message}).`,
      cause,
    });
  }
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (cause) {
    throw new DataError({ code: 'file-malformed', file, message: `the file is not JSON: ${(cause as Error).message}.`, cause });
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
export async function* readJsonRecords(file: string, log: FaultLog): AsyncGenerator<{ number: number; record: JsonObject }> {
  const records = await readJson(file);
  if (!Array.isArray(records)) throw new DataError({ code: 'file-malformed', file, message: 'the file is not a JSON array of records.' });
  for (const [index, record] of records.entries()) {
    log.report.records += 1;
    if (isObject(record)) yield { number: index + 1, record };
    else log.add({ kind: 'record-malformed', line: index + 1, message: `record ${index + 1} is not an object.` });
  }
}

/** A number written as the sets' answers are compared: no separators of thousands, no spaces; other text only trimmed. */
export function plainAnswer(answer: string): string {
  const trimmed = answer.trim();
  return /^[-+]?\d{1,3}(,\d{3})+(\.\d+)?$/.test(trimmed) ? trimmed.replaceAll(',', '') : trimmed;
}
