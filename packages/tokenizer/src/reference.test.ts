import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';

import { Tokenizer } from './tokenizer';
import { checkTokenizerFile } from './tokenizer-file';

// The sample and what Hugging Face's tokenizers (Rust) make of it: tooling/parity/make_tokenizer_fixtures.py.
const fixture = (name: string): Buffer =>
  gunzipSync(readFileSync(new URL(`../test/fixtures/${name}.gz`, import.meta.url)));
const lines = fixture('sample.txt').toString('utf8').split('\n');
/** Every seventh line is read with the next as one text, so that line breaks occur inside. */
const texts = lines.map((line, index) =>
  index % 7 === 0 && index + 1 < lines.length
    ? `${line}\n${lines[index + 1]!}${index % 2 === 1 ? '\r\n' : '\n\n'}`
    : line,
);
const draws = 600;

const names = [
  'gpt2',
  'llama3',
  'qwen2',
  'o200k',
  'llama2',
  'mistral',
  'unigram-precompiled',
  'unigram-bytes',
  'bert-uncased',
  'bert-cased',
  'clip',
  'word-level',
  'splits',
];

function tokenizerOf(name: string): Tokenizer {
  const file = JSON.parse(fixture(`${name}.tokenizer.json`).toString('utf8')) as unknown;
  return new Tokenizer({ file: checkTokenizerFile(file, name), settings: {}, chatTemplates: {} });
}

/** FNV-1a over 32-bit numbers, each taken as a whole, folded to 16 bits. */
function hashNumbers(values: Iterable<number>): number {
  let result = 0x811c9dc5;
  for (const value of values) result = Math.imul(result ^ value, 0x01000193);
  return ((result >>> 16) ^ (result & 0xffff)) & 0xffff;
}

/** Draws of ids, from a linear congruential generator. */
function randomIds(index: number, size: number): number[] {
  let state = (Math.imul(index, 2654435761) + 12345) >>> 0;
  return Array.from({ length: 1 + (index % 24) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) % size;
  });
}

describe.each(names)('%s', (name) => {
  const expected = fixture(`${name}.expected`);
  const number = (index: number): number => expected.readUInt16LE(2 * index);
  const tokenizer = tokenizerOf(name);
  const encoder = new TextEncoder();
  const hashText = (text: string): number => hashNumbers(encoder.encode(text));
  let encoded: number[][];
  beforeAll(() => {
    encoded = texts.map((text) => tokenizer.encode(text).ids);
  });

  it('has an answer for each of 10,000 lines and more', () => {
    expect(lines.length).toBeGreaterThanOrEqual(10_000);
    expect(expected.byteLength).toBe(2 * (2 * lines.length + draws));
  });

  it('encodes every line as the reference does', () => {
    const wrong = texts.flatMap((text, index) => {
      const ids = encoded[index]!;
      return hashNumbers(ids) === number(2 * index)
        ? []
        : [{ index, text, tokens: ids.map((id) => tokenizer.tokenOf(id)) }];
    });
    expect({ count: wrong.length, first: wrong.slice(0, 5) }).toEqual({ count: 0, first: [] });
  });

  it('decodes every line as the reference does', () => {
    const wrong = texts.flatMap((text, index) => {
      const decoded = tokenizer.decode(encoded[index]!, { skipSpecialTokens: true });
      return hashText(decoded) === number(2 * index + 1) ? [] : [{ index, text, decoded }];
    });
    expect({ count: wrong.length, first: wrong.slice(0, 5) }).toEqual({ count: 0, first: [] });
  });

  it('decodes ids in any order as the reference does', () => {
    const has = (id: number): boolean => {
      try {
        return tokenizer.tokenOf(id) !== undefined;
      } catch {
        return false;
      }
    };
    const wrong = Array.from({ length: draws }, (_, index) => {
      const ids = randomIds(index, tokenizer.vocabularySize).filter(has);
      const decoded = tokenizer.decode(ids);
      return hashText(decoded) === number(2 * lines.length + index)
        ? undefined
        : { index, tokens: ids.map((id) => tokenizer.tokenOf(id)), decoded };
    }).filter((draw) => draw !== undefined);
    expect({ count: wrong.length, first: wrong.slice(0, 3) }).toEqual({ count: 0, first: [] });
  });

  it('streams what it decodes, line by line and for ids in any order', () => {
    const stream = (ids: readonly number[]): string => {
      const tokens = tokenizer.decodeStream();
      return ids.map((id) => tokens.push(id)).join('') + tokens.finish();
    };
    for (const ids of encoded.filter((_, index) => index % 20 === 0)) expect(stream(ids)).toBe(tokenizer.decode(ids));
    for (let index = 0; index < draws; index += 1) {
      const ids = randomIds(index, tokenizer.vocabularySize);
      expect(stream(ids)).toBe(tokenizer.decode(ids));
    }
  });
});
