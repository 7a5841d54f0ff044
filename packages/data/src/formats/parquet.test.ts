import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ColumnSource, parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { DataError } from '../errors';
import { encodePng } from '../images/encode-png';
import { detectFormat } from './detect-format';
import { readGsm8k } from './gsm8k';
import { readJsonl } from './jsonl';
import { readExamples } from './read-examples';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-parquet-'));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

const text = (name: string, data: unknown[]): ColumnSource => ({ name, data, type: 'STRING' });
const sums: ColumnSource[] = [
  text('question', ['1 + 1?', '2 + 2?', '3 + 3?']),
  text('answer', ['2', '4', '6']),
  { name: 'id', data: [1n, 2n, 9_007_199_254_740_993n], type: 'INT64' },
];

async function table(name: string, columnData: ColumnSource[], options: object = {}): Promise<string> {
  const file = join(folder, `${name}.parquet`);
  await writeFile(file, new Uint8Array(parquetWriteBuffer({ columnData, ...options })));
  return file;
}

describe('Parquet', () => {
  it('is read as JSON lines of the same columns, row group by row group', async () => {
    const file = await table('sums', sums, { rowGroupSize: 2 });
    expect(await detectFormat(file)).toBe('jsonl');
    const examples = await readJsonl({ file, strict: true }).toArray();
    expect(examples).toEqual([
      { id: '1', question: '1 + 1?', steps: [], answer: '2' },
      { id: '2', question: '2 + 2?', steps: [], answer: '4' },
      // The digits of the file: as a number it would be …992.
      { id: '9007199254740993', question: '3 + 3?', steps: [], answer: '6' },
    ]);
    expect((await readExamples({ path: file })).report.records).toBe(3);
  });

  it('may hold steps, numbers, truth values, and pictures as Hugging Face keeps them', async () => {
    const picture = { bytes: encodePng({ data: Uint8Array.from([9, 8, 7]), width: 1, height: 1 }), path: null };
    const lines = [
      { question: 'q', answer: '1', steps: ['s', 't'], level: 3, used: true, image: picture },
      { question: 'r', answer: '2', steps: [], level: 4, used: false, image: null },
    ];
    const column = (name: keyof (typeof lines)[number]): ColumnSource => ({
      name,
      data: lines.map((line) => line[name]),
    });
    const file = await table('all', (['question', 'answer', 'steps', 'level', 'used', 'image'] as const).map(column), {
      schema: [
        { name: 'root', num_children: 6 },
        { name: 'question', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
        { name: 'answer', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
        { name: 'steps', num_children: 1, converted_type: 'LIST', repetition_type: 'OPTIONAL' },
        { name: 'list', num_children: 1, repetition_type: 'REPEATED' },
        { name: 'element', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
        { name: 'level', type: 'INT32', repetition_type: 'OPTIONAL' },
        { name: 'used', type: 'BOOLEAN', repetition_type: 'OPTIONAL' },
        { name: 'image', num_children: 2, repetition_type: 'OPTIONAL' },
        { name: 'bytes', type: 'BYTE_ARRAY', repetition_type: 'OPTIONAL' },
        { name: 'path', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
      ],
    });
    const [first, second] = await readJsonl({ file, strict: true }).toArray();
    expect(first).toMatchObject({ steps: [{ text: 's' }, { text: 't' }], metadata: { level: '3', used: 'true' } });
    expect(await first!.image!.load()).toEqual({ data: Uint8Array.from([9, 8, 7]), width: 1, height: 1 });
    expect(second).toEqual({ id: '2', question: 'r', steps: [], answer: '2', metadata: { level: '4', used: 'false' } });
  });

  it('of GSM8K is read as GSM8K', async () => {
    const file = await table('gsm8k', [text('question', ['q']), text('answer', ['a <<1+1=2>>\n#### 2'])]);
    expect(await detectFormat(file)).toBe('gsm8k');
    expect((await readGsm8k({ file }).toArray())[0]).toMatchObject({ answer: '2' });
  });

  it('counts rows without an answer, as lines', async () => {
    const file = await table('empty-answer', [text('question', ['q', 'r']), text('answer', ['1', null])]);
    const stream = readJsonl({ file });
    expect(await stream.toArray()).toHaveLength(1);
    expect(stream.faults.first).toMatchObject([{ kind: 'answer-missing', line: 2 }]);
  });

  it('is refused as a whole where a column is missing, a row group too large, the compression unknown, the file cut off', async () => {
    const wrong = await table('columns', [text('problem', ['p']), text('answer', ['1'])]);
    await expect(readJsonl({ file: wrong }).toArray()).rejects.toMatchObject({
      code: 'file-malformed',
      message: expect.stringContaining('no column `question`; it has problem, answer') as string,
    });
    const file = await table('whole', sums);
    await expect(readJsonl({ file, maximumFileBytes: 16 }).toArray()).rejects.toMatchObject({ code: 'file-too-large' });
    const bytes = await readFile(file);
    const cut = join(folder, 'cut.parquet');
    await writeFile(cut, bytes.subarray(0, bytes.length - 9));
    await expect(readJsonl({ file: cut }).toArray()).rejects.toMatchObject({ code: 'file-malformed' });
    const lzo = await table('lzo', [text('question', ['q'.repeat(99)]), text('answer', ['1'])], {
      codec: 'LZO',
      compressors: { LZO: (input: Uint8Array) => input.slice(0, 50) },
    });
    await expect(readJsonl({ file: lzo }).toArray()).rejects.toMatchObject({
      code: 'file-unreadable',
      message: expect.stringContaining('compressed by LZO') as string,
    });
  });

  it('that is damaged anywhere gives examples, faults or a DataError, and nothing else', async () => {
    const bytes = await readFile(await table('sound', sums, { rowGroupSize: 2 }));
    const file = join(folder, 'damaged.parquet');
    for (let place = 4; place < bytes.length; place += 7) {
      const damaged = Buffer.from(bytes);
      damaged[place] = damaged[place]! ^ (1 << (place % 8));
      await writeFile(file, damaged);
      const found = await readJsonl({ file })
        .toArray()
        .catch((error: unknown) => error);
      expect(Array.isArray(found) || DataError.isInstance(found), `byte ${place}: ${String(found)}`).toBe(true);
    }
  });
});
