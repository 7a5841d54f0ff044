import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';

import { encodePng } from '../images/encode-png';
import { readExamples } from './read-examples';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-set-'));
});

const line = (record: object): string => `${JSON.stringify(record)}\n`;

test('reads the file that a folder stands for, in the format that it looks like', async () => {
  await writeFile(join(folder, 'train.jsonl'), line({ question: 'a', answer: 'b' }));
  const { examples, skipped, report } = await readExamples({ path: folder });
  expect(examples.map(({ question }) => question)).toEqual(['a']);
  expect(skipped).toBe(0);
  expect(report).toEqual({ file: join(folder, 'train.jsonl'), records: 1, examples: 1, dropped: 0, faults: {} });
});

test('refuses faults beyond the share that may be left out, and names them', async () => {
  const path = join(folder, 'x.jsonl');
  await writeFile(path, line({ question: 'a', answer: 'b' }) + line({ question: 'c' }));
  const faulty = { name: 'DataError', code: 'faulty-records' };
  await expect(readExamples({ path })).rejects.toMatchObject({
    ...faulty,
    message: expect.stringMatching(/^1 fault in 2 records of .*\n {2}.*x\.jsonl:2: [^]*data\.faults=0\.01/) as string,
  });
  await expect(readExamples({ path, faults: 0.4 })).rejects.toMatchObject(faulty);
  const { examples, skipped, faults } = await readExamples({ path, faults: 0.5 });
  expect(examples).toHaveLength(1);
  expect(skipped).toBe(1);
  expect(faults).toHaveLength(1);
});

test('leaves out examples whose picture is broken, unless pictures are left out', async () => {
  const path = join(folder, 'x.jsonl');
  await writeFile(join(folder, 'good.png'), encodePng({ width: 1, height: 1, data: new Uint8Array(3) }));
  await writeFile(join(folder, 'broken.png'), 'no picture');
  await writeFile(
    path,
    ['good', 'broken'].map((name) => line({ id: name, question: 'a', answer: 'b', image: `${name}.png` })).join(''),
  );
  await expect(readExamples({ path })).rejects.toMatchObject({ code: 'faulty-records' });
  const seen = await readExamples({ path, faults: 0.5 });
  expect(seen.examples.map(({ id }) => id)).toEqual(['good']);
  expect(seen.report.faults).toEqual({ 'image-broken': 1 });
  const unseen = await readExamples({ path, images: false });
  expect(unseen.examples.map(({ id, image }) => [id, image])).toEqual([
    ['good', undefined],
    ['broken', undefined],
  ]);
});

test('keeps the kinds of question that are asked for, and says where none is left', async () => {
  const path = join(folder, 'x.jsonl');
  await writeFile(path, line({ question: 'a', answer: 'b', category: 'sums' }) + line({ question: 'c', answer: 'd' }));
  const { examples } = await readExamples({ path, categories: ['sums'] });
  expect(examples.map(({ question }) => question)).toEqual(['a']);
  await expect(readExamples({ path, categories: ['products'] })).rejects.toMatchObject({ code: 'empty-set' });
});

test('says which format a file looks like where none is told or another was named', async () => {
  const path = join(folder, 'x.txt');
  await writeFile(path, 'nothing that is known');
  await expect(readExamples({ path })).rejects.toMatchObject({ code: 'unknown-format' });
  await writeFile(path, line({ question: 'a', answer: 'b' }));
  await expect(readExamples({ path, format: 'prosqa' })).rejects.toThrow('looks like jsonl');
});
