import { stat } from 'node:fs/promises';
import { DataError } from '../errors';
import { openForReading } from './data-file';
import { isParquet, readParquetRows } from './parquet-rows';
import { isObject } from './read-json';
import type { FormatName } from './registry';

/** Bytes at a file's beginning that tell its format. */
const headBytes = 1 << 20;

function ofRecord(record: Record<string, unknown>): FormatName | undefined {
  const has = (...keys: string[]): boolean => keys.every((key) => Object.hasOwn(record, key));
  if (has('conversations')) return 'llava-cot';
  if (has('sentence', 'identifier')) return 'nlvr';
  if (has('question', 'answer') && !has('steps') && typeof record.answer === 'string' && record.answer.includes('####'))
    return 'gsm8k';
  return has('question', 'answer') ? 'jsonl' : undefined;
}

/** The first object that stands in a text whose end may be cut off. */
function firstObject(text: string): Record<string, unknown> | undefined {
  const start = text.indexOf('{');
  let depth = 0;
  for (let at = start; at >= 0 && at < text.length; at += 1) {
    const character = text[at]!;
    if (character === '"') {
      for (at += 1; at < text.length && text[at] !== '"'; at += 1) if (text[at] === '\\') at += 1;
    } else if (character === '{') depth += 1;
    else if (character === '}') {
      depth -= 1;
      if (depth > 0) continue;
      try {
        const value = JSON.parse(text.slice(start, at + 1)) as unknown;
        return isObject(value) ? value : undefined;
      } catch {
        return undefined;
      }
    }
  }
  return undefined;
}

/**
 * The format that a file's beginning looks like; undefined where it looks like none.
 *
 * @throws DataError `not-found`, `file-unreadable`
 */
export async function detectFormat(file: string): Promise<FormatName | undefined> {
  if (await isParquet(file)) {
    for await (const { record } of readParquetRows({ file })) return isObject(record) ? ofRecord(record) : undefined;
    return undefined;
  }
  const handle = await openForReading(file);
  let text: string;
  try {
    const bytes = Buffer.alloc(headBytes);
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0).catch((cause: unknown) => {
      if (DataError.isInstance(cause)) throw cause;
      throw new DataError({
        code: 'file-unreadable',
        file,
        message: `the file can't be read (${(cause as Error).message}).`,
        cause,
      });
    });
    text = bytes.toString('utf8', 0, bytesRead).replace(/^\uFEFF/, '');
  } finally {
    await handle.close();
  }
  const [first = ''] = text.split('\n', 1);
  if (/^\s*\[/.test(text)) {
    const record = firstObject(text);
    if (record === undefined || !Object.hasOwn(record, 'question')) return undefined;
    return Object.hasOwn(record, 'idx_to_symbol') ? 'prosqa' : 'coconut-json';
  }
  if (/^\s*\{/.test(text)) {
    let record: unknown;
    try {
      record = JSON.parse(first);
    } catch {
      record = undefined;
    }
    const found = isObject(record) ? ofRecord(record) : undefined;
    if (
      found === 'llava-cot' &&
      (await stat(file.replace(/\.jsonl$/, '.facts.jsonl')).then(
        (status) => status.isFile(),
        () => false,
      )) &&
      file.endsWith('.jsonl')
    )
      return 'scenes';
    if (found !== undefined) return found;
    // One object: groups of ProntoQA, or problems of TabMWP.
    if (/"(?:in_context_example\d+|test_example)"\s*:/.test(text) && text.includes('"chain_of_thought"'))
      return 'prontoqa';
    if (text.includes('"solution"') && text.includes('"question"') && /"(?:ques_type|table)"\s*:/.test(text))
      return 'tabmwp';
    return undefined;
  }
  if (first.includes('\t') && first.split('\t').some((cell) => cell.trim() === 'question')) return 'vlmevalkit';
  return first.includes('||') && first.includes('####') ? 'icot-text' : undefined;
}
