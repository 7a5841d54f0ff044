import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { type RangeServer, serveRanges } from '../../../hub/test/range-server';
import { detectFormat } from './detect-format';
import { readCoconutJson } from './coconut-json';
import { readExamples } from './read-examples';

const utf8 = (text: string) => new TextEncoder().encode(text);
const count = 20_000;
const questions = Array.from({ length: count }, (_, index) => `${index} + 1? ${'x'.repeat(500)}`);
const answers = questions.map((_, index) => String(index + 1));
const lines = questions.map((question, index) => JSON.stringify({ question, answer: answers[index] })).join('\n');
const table = new Uint8Array(
  parquetWriteBuffer({
    columnData: [
      { name: 'question', data: questions, type: 'STRING' },
      { name: 'answer', data: answers, type: 'STRING' },
      // A column that no example needs, in the way of those that are.
      { name: 'other', data: questions.map((question) => `${question}!`), type: 'STRING' },
    ],
    rowGroupSize: 5_000,
    codec: 'UNCOMPRESSED',
  }),
);
const folder = '/datasets/org/sums/resolve/main';
const files = {
  [`${folder}/train.jsonl`]: utf8(lines),
  [`${folder}/train.parquet`]: table,
  [`${folder}/train.json`]: utf8(JSON.stringify([{ question: 'q', steps: ['s'], answer: 'a' }])),
  [`${folder}/pictures.jsonl`]: utf8(JSON.stringify({ question: 'q', answer: 'a', image: 'a.png' })),
  [`${folder}/wide.tsv`]: utf8('index\tquestion\tanswer\n1\tq\ta\n'),
};
const at = (name: string) => `hf://datasets/org/sums/${name}`;

describe('a data set on the Hub', () => {
  let server: RangeServer;
  beforeAll(async () => {
    server = await serveRanges({ files });
    vi.stubEnv('HF_ENDPOINT', server.address);
    vi.stubEnv('HF_HUB_DISABLE_IMPLICIT_TOKEN', '1');
  });
  afterAll(() => {
    server.close();
    vi.unstubAllEnvs();
  });

  it('is read line by line, in blocks of megabytes', async () => {
    server.asked.length = 0;
    const { examples, report } = await readExamples({ path: at('train.jsonl') });
    expect(report).toMatchObject({ file: at('train.jsonl'), records: count, dropped: 0 });
    expect(examples.map(({ answer }) => answer)).toEqual(answers);
    // The format is looked at first; then 11 MB in blocks of 4 MiB, each after a question for the length.
    expect(server.asked.length).toBeLessThan(12);
  });

  it('is read row group by row group, of which a limit leaves the rest where it is', async () => {
    server.asked.length = 0;
    const { examples } = await readExamples({ path: at('train.parquet'), limit: 10 });
    expect(examples.map(({ question }) => question)).toEqual(questions.slice(0, 10));
    const fetched = server.asked
      .map((one) => /bytes=(\d+)-(\d+)/.exec(one)!.slice(1).map(Number))
      .reduce((sum, [from, to]) => sum + Math.min(to!, table.length - 1) - from! + 1, 0);
    // A quarter of the file to see its format and a quarter to read it, each between its beginning and its end.
    expect(fetched).toBeLessThan(table.length);
    expect(server.asked.length).toBeLessThan(12);
  });

  it('may be one JSON value, or a table', async () => {
    expect(await readCoconutJson({ file: at('train.json') }).toArray()).toMatchObject([{ question: 'q', answer: 'a' }]);
    expect(await detectFormat(at('wide.tsv'))).toBe('vlmevalkit');
    await expect(readCoconutJson({ file: at('train.json'), maximumFileBytes: 10 }).toArray()).rejects.toMatchObject({
      code: 'file-too-large',
    });
  });

  it('says what it cannot be', async () => {
    await expect(readExamples({ path: at('none.jsonl') })).rejects.toMatchObject({
      name: 'DataError',
      code: 'file-unreadable',
      message: expect.stringContaining(`has no ${at('none.jsonl')}`) as string,
    });
    await expect(readExamples({ path: at('pictures.jsonl') })).rejects.toThrow(/lies beside a file of the Hub/);
    await expect(readExamples({ path: at('train.jsonl'), format: 'scenes' })).rejects.toMatchObject({
      code: 'invalid-option',
    });
    await expect(readExamples({ path: 'hf://org' })).rejects.toThrow(/is not a URL of a file on the hub/);
  });
});
