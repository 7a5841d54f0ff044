import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { DataError } from '../errors';
import { encodePng } from '../images/encode-png';
import { findOverlap } from '../measures/find-overlap';
import { detectFormat } from './detect-format';
import { formats } from './registry';
import type { FormatName } from './registry';

const staged = '<SUMMARY> a </SUMMARY> <CAPTION> b </CAPTION> <REASONING> c </REASONING> <CONCLUSION> d </CONCLUSION>';
const llava = {
  id: 'r',
  image: 'images/1.png',
  conversations: [
    { from: 'human', value: '<image> q' },
    { from: 'gpt', value: staged },
  ],
};
const step = { question: 'q', steps: ['s', 't'], answer: '1' };
const dot = encodePng({ data: Uint8Array.from([1, 2, 3]), width: 1, height: 1 });

/** A sound file of each format: a list of JSON lines, one JSON value, or text. */
const sound: Record<FormatName, { lines: unknown[] } | { json: unknown } | { text: string }> = {
  jsonl: {
    lines: [
      step,
      { ...step, id: 7, image: 'images/1.png', steps: [{ name: 'n', text: 't' }], choices: ['a', 'b'], category: 'c' },
    ],
  },
  'llava-cot': { lines: [llava, { ...llava, id: 's' }] },
  scenes: { lines: [llava] },
  'coconut-json': { json: [step, step] },
  prosqa: {
    json: [
      {
        ...step,
        idx_to_symbol: ['a', 'b', 'c'],
        edges: [[0, 1]],
        root: 0,
        target: 1,
        neg_target: 2,
        neighbor_k: { 0: [0], 1: [1] },
      },
    ],
  },
  prontoqa: {
    json: {
      example1: { test_example: { question: 'q', query: 'r', chain_of_thought: ['a', 'b', 'c'], answer: 'True' } },
    },
  },
  gsm8k: { lines: [{ question: 'q', answer: 'a <<1+1=2>>\n#### 2' }] },
  'icot-text': { text: 'q||<<1+1=2>> #### 2\n1 2 * 3||4 5 + 6 #### 7\n' },
  nlvr: {
    lines: [
      {
        sentence: 's',
        label: 'true',
        identifier: '1-0',
        directory: '3',
        structured_rep: [[{ y_loc: 1, type: 'square', color: 'Blue', x_loc: 2, size: 3 }]],
      },
    ],
  },
  tabmwp: { json: { 1: { question: 'q', choices: ['a'], answer: '1', solution: 's', table: 't', ques_type: 'x' } } },
  vlmevalkit: {
    text: `index\tquestion\tA\tB\tanswer\timage\n1\t"a ""b""\nc"\tx\ty\tA\t${Buffer.from(dot).toString('base64')}\n2\tq\tx\ty\tB\t1\n`,
  },
};

/** Values that stand where others are expected. */
const strange = fc.constantFrom<unknown>(
  null,
  true,
  0,
  -1,
  1.5,
  1e308,
  '',
  ' ',
  'x',
  '__proto__',
  'constructor',
  '\u0000',
  '\ud800',
  '\u001b[31m',
  [],
  {},
  [[]],
  [null],
  [['a']],
  { length: 3 },
  { toString: 1 },
  '../../etc/passwd',
  '/dev/zero',
  'images',
  '.',
  2 ** 60,
);
const keys = fc.constantFrom(
  '__proto__',
  'constructor',
  'toString',
  'question',
  'answer',
  'steps',
  'image',
  'id',
  'edges',
  'root',
  'conversations',
  '0',
  '',
);

/** One value anywhere within another is replaced, removed, doubled or put beside a new key. */
function mutate(value: unknown, choices: { where: number[]; how: number; other: unknown; key: string }): unknown {
  const copy = structuredClone(value);
  let at: unknown = copy;
  for (const [depth, number] of choices.where.entries()) {
    if (typeof at !== 'object' || at === null) break;
    const names = Object.keys(at);
    if (names.length === 0) break;
    const name = names[number % names.length]!;
    const holder = at as Record<string, unknown>;
    const inner = holder[name];
    if (
      depth < choices.where.length - 1 &&
      typeof inner === 'object' &&
      inner !== null &&
      Object.keys(inner).length > 0
    ) {
      at = inner;
      continue;
    }
    if (choices.how === 0) holder[name] = choices.other;
    else if (choices.how === 1 && Array.isArray(holder)) holder.splice(Number(name), 1);
    else if (choices.how === 1) delete holder[name];
    else if (choices.how === 2 && !Array.isArray(holder))
      Object.defineProperty(holder, choices.key, {
        value: choices.other,
        enumerable: true,
        configurable: true,
        writable: true,
      });
    else holder[name] = [inner, inner];
    break;
  }
  return copy;
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-mutated-'));
  for (const place of ['images', join('images', '3'), 'tables']) await mkdir(join(folder, place), { recursive: true });
  for (const name of ['images/1.png', 'images/3/data-1-0-0.png', 'tables/1.png'])
    await writeFile(join(folder, name), dot);
  await writeFile(
    join(folder, 'train.facts.jsonl'),
    `${JSON.stringify({ id: 'r', type: 'twin', facts: { kind: 'scene', rows: 1, columns: 1, objects: [{ colour: 'red', shape: 'circle', place: 'left' }] } })}\n`,
  );
});

const mutation = fc.record({
  where: fc.array(fc.nat(20), { minLength: 1, maxLength: 5 }),
  how: fc.nat(3),
  other: strange,
  key: keys,
});
const bytes = fc.array(fc.record({ at: fc.nat(), byte: fc.nat(255), kind: fc.constantFrom('set', 'cut', 'insert') }), {
  maxLength: 3,
});

test.each(Object.keys(formats) as FormatName[])(
  'mutated files of %s give examples or named faults, never a raw error',
  async (name) => {
    const seed = sound[name];
    const file = join(folder, name === 'scenes' ? 'train.jsonl' : 'data.json');
    await fc.assert(
      fc.asyncProperty(fc.array(mutation, { maxLength: 3 }), bytes, async (mutations, changes) => {
        const changed = (value: unknown): unknown =>
          mutations.reduce((result: unknown, one) => mutate(result, one), value);
        const text =
          'text' in seed
            ? seed.text
            : 'lines' in seed
              ? Array.from(changed([...seed.lines]) as unknown[], (line) => JSON.stringify(line)).join('\n')
              : JSON.stringify(changed(seed.json));
        let content = Buffer.from(text);
        for (const { at, byte, kind } of changes) {
          const place = at % (content.length + 1);
          if (kind === 'cut') content = content.subarray(0, place);
          else
            content = Buffer.concat([
              content.subarray(0, place),
              Buffer.from([byte]),
              content.subarray(kind === 'set' ? place + 1 : place),
            ]);
        }
        await writeFile(file, content);
        await detectFormat(file);
        const stream = formats[name].read({ file });
        try {
          const examples = await stream.toArray();
          for (const { id, question, answer, steps } of examples) {
            expect([typeof id, typeof question, typeof answer]).toEqual(['string', 'string', 'string']);
            expect(question.trim().length * answer.trim().length).toBeGreaterThan(0);
            expect(
              steps.every((one) => typeof one.text === 'string' && ['string', 'undefined'].includes(typeof one.name)),
            ).toBe(true);
          }
          await findOverlap({ train: examples, heldOut: examples });
        } catch (error) {
          if (!DataError.isInstance(error)) throw error;
        }
      }),
      { numRuns: 120 },
    );
  },
  120_000,
);

test('the files that are mutated are sound', async () => {
  for (const [name, seed] of Object.entries(sound) as [FormatName, (typeof sound)[FormatName]][]) {
    const file = join(folder, name === 'scenes' ? 'train.jsonl' : 'data.json');
    await writeFile(
      file,
      'text' in seed
        ? seed.text
        : 'lines' in seed
          ? seed.lines.map((line) => JSON.stringify(line)).join('\n')
          : JSON.stringify(seed.json),
    );
    const stream = formats[name].read({ file, strict: true });
    expect((await stream.toArray()).length).toBeGreaterThan(0);
  }
});
