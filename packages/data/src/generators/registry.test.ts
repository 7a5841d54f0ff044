import { mkdtemp, readFile, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { formats } from '../formats/registry';
import { findOverlap } from '../measures/find-overlap';
import { generators } from './registry';
import type { GeneratorName } from './registry';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'subtext-generators-'));
});

const counts = { train: 60, validation: 20, test: 20 };

describe.each(Object.keys(generators) as GeneratorName[])('%s', (name) => {
  const generator = generators[name];

  test('writes splits that its format reads without a fault, and that do not overlap', async () => {
    const folder = join(root, name);
    const made = await generator.write({ folder, counts, seed: 3 });
    expect(made).toMatchObject({ folder, counts, kept: false });
    const read = (split: keyof typeof counts) =>
      formats[generator.format].read({ file: made.files[split]!, strict: true });
    for (const split of ['train', 'validation', 'test'] as const) {
      const examples = await read(split).toArray();
      expect(examples).toHaveLength(counts[split]);
      // A sheet is asked for a fact, which takes no chain.
      expect(examples.every((example) => example.steps.length > 0)).toBe(name !== 'fact-sheets');
    }
    expect(await findOverlap({ train: read('train'), heldOut: read('test') })).toEqual({
      count: 0,
      share: 0,
      heldOutExamples: 20,
      trainExamples: 60,
      pairs: [],
    });
    expect(await findOverlap({ train: read('train'), heldOut: read('validation') })).toMatchObject({ count: 0 });
    expect(await findOverlap({ train: read('test'), heldOut: read('test') })).toMatchObject({ count: 20, share: 1 });
  });

  test('keeps the same set, refuses another in its place, and reproduces its bytes', async () => {
    const folder = join(root, name);
    expect(await generator.write({ folder, counts, seed: 3 })).toMatchObject({ kept: true });
    await expect(generator.write({ folder, counts, seed: 4 })).rejects.toMatchObject({
      code: 'invalid-option',
      file: folder,
    });
    const again = await generator.write({ folder: join(root, `${name}-again`), counts, seed: 3 });
    expect(await readFile(again.files.train!, 'utf8')).toBe(
      await readFile(join(folder, again.files.train!.slice(again.folder.length + 1)), 'utf8'),
    );
  });

  test('refuses unknown options, impossible values and counts, and writes nothing', async () => {
    const folder = join(root, `${name}-never`);
    await expect(generator.write({ folder, counts, options: { colour: 'red' } })).rejects.toThrow(/no option colour/);
    const [option, { default: value }] = Object.entries(generator.options)[0]!;
    await expect(
      generator.write({ folder, counts, options: { [option]: typeof value === 'number' ? 'many' : 5 } }),
    ).rejects.toMatchObject({ code: 'invalid-option' });
    await expect(generator.write({ folder, counts: { train: -1 } })).rejects.toMatchObject({ code: 'invalid-option' });
    await expect(generator.write({ folder, counts: {} })).rejects.toMatchObject({ code: 'invalid-option' });
    await expect(generator.write({ folder, counts, seed: 1.5 })).rejects.toMatchObject({ code: 'invalid-option' });
    expect((await readdir(root)).filter((entry) => entry.includes('never'))).toEqual([]);
  });
});

test('training questions may repeat as they are drawn; those of the test set stand nowhere else', async () => {
  const made = await generators['modular-arithmetic'].write({
    folder: join(root, 'repeated'),
    counts: { train: 800, test: 20 },
    options: { modulus: 3, maximumSteps: 2, repeated: true },
  });
  const questions = async (split: 'train' | 'test') =>
    (JSON.parse(await readFile(made.files[split]!, 'utf8')) as { question: string }[]).map(({ question }) => question);
  const [train, held] = [await questions('train'), await questions('test')];
  // 3 first numbers and twice 5 operations are 75 questions.
  expect([train.length, new Set(train).size, new Set(held).size]).toEqual([800, 55, 20]);
  expect(held.filter((question) => train.includes(question))).toEqual([]);
});

test('a stopped generator leaves nothing', async () => {
  const stop = new AbortController();
  const work = generators.arithmetic.write({
    folder: join(root, 'stopped'),
    counts: { train: 5000 },
    signal: stop.signal,
    onProgress: () => stop.abort(),
  });
  await expect(work).rejects.toThrow(/abort/i);
  expect((await readdir(root)).filter((entry) => entry.includes('stopped'))).toEqual([]);
});

test('a set larger than its options allow is refused', async () => {
  await expect(
    generators.multiplication.write({
      folder: join(root, 'tiny'),
      counts: { train: 200 },
      options: { firstDigits: 1, secondDigits: 1 },
    }),
  ).rejects.toMatchObject({ code: 'space-exhausted' });
});

test('the scenes tell how well the question alone does', async () => {
  const made = await generators.scenes.write({
    folder: join(root, 'notes'),
    counts,
    seed: 1,
    options: { types: 'walk-colour,twin', base: false },
  });
  expect(made.notes).toHaveLength(1);
  expect(made.notes[0]).toMatch(
    /^The question alone answers \d+\.\d % of 40 held-out questions \([\w-]+ \d+\.\d %, [\w-]+ \d+\.\d %\)\.$/,
  );
});

test('overlap is found whatever the order of sentences, case and spacing', async () => {
  const a = await generators.prosqa.write({ folder: join(root, 'overlap'), counts: { train: 5 } });
  const records = JSON.parse(await readFile(a.files.train!, 'utf8')) as { question: string; edges: number[][] }[];
  const other = join(root, 'reordered.json');
  await writeFile(
    other,
    JSON.stringify(
      records.map((record) => ({ ...record, question: 'told otherwise', edges: [...record.edges].reverse() })),
    ),
  );
  const overlap = await findOverlap({
    train: formats.prosqa.read({ file: a.files.train! }),
    heldOut: formats.prosqa.read({ file: other }),
  });
  expect(overlap).toMatchObject({
    count: 5,
    pairs: [1, 2, 3, 4, 5].map((id) => ({ train: String(id), heldOut: String(id) })),
  });
  const text = (question: string) => ({ id: question, question, steps: [], answer: '' });
  expect(
    await findOverlap({
      train: [text('What is 2 + 2?')],
      heldOut: [text(' what is  2 + 2? '), text('What is 2 + 3?')],
    }),
  ).toMatchObject({ count: 1, share: 0.5 });
});
