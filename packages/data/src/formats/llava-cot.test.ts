import { mkdir, mkdtemp, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { DataError } from '../errors';
import { encodePng } from '../images/encode-png';
import type { Fault } from './fault-log';
import { readLlavaCot } from './llava-cot';
import { formatStages } from './parse-stages';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-llava-'));
  await mkdir(join(folder, 'images'));
  await writeFile(
    join(folder, 'images', 'a.png'),
    encodePng({ data: Uint8Array.from([1, 2, 3]), width: 1, height: 1 }),
  );
});

const staged = (answer: string): string => formatStages({ texts: ['look', 'a dot', 'it is one', answer] });
const turns = (...values: string[]): object[] =>
  values.map((value, index) => ({ from: index % 2 === 0 ? 'human' : 'gpt', value }));
const record = (id: string, conversations: unknown, image: unknown = 'images/a.png'): string =>
  JSON.stringify({ id, image, conversations });

async function write(...lines: string[]): Promise<void> {
  await writeFile(join(folder, 'train.jsonl'), lines.join('\n'));
}

describe('readLlavaCot', () => {
  test('takes a record apart into question, image, named steps and answer', async () => {
    await write(record('r1', turns('<image>\nHow many dots?', staged('one'))));
    const [example] = await readLlavaCot({ folder, strict: true }).toArray();
    expect(example).toMatchObject({
      id: 'r1',
      question: 'How many dots?',
      steps: [
        { name: 'summary', text: 'look' },
        { name: 'caption', text: 'a dot' },
        { name: 'reasoning', text: 'it is one' },
      ],
      answer: 'one',
    });
    expect(await example!.image!.load()).toEqual({ data: Uint8Array.from([1, 2, 3]), width: 1, height: 1 });
  });

  test('splits several turns into pairs, and keeps the good ones beside a faulty one', async () => {
    await write(
      record('r', turns('first?', staged('1'), 'second?', 'no stages', 'third?', staged('3'))),
      '',
      record('s', turns('q', staged('4')), null),
    );
    const stream = readLlavaCot({ folder });
    const examples = await stream.toArray();
    expect(examples.map(({ id, question, answer }) => [id, question, answer])).toEqual([
      ['r#1', 'first?', '1'],
      ['r#3', 'third?', '3'],
      ['s', 'q', '4'],
    ]);
    expect(examples[2]!.image).toBeUndefined();
    expect(stream.faults).toMatchObject({ records: 2, examples: 3, dropped: 1, counts: { 'stage-missing': 1 } });
  });

  test('counts every kind of fault by line, drops the record and goes on', async () => {
    await symlink('/etc/hosts', join(folder, 'images', 'link.png'));
    const good = staged('x');
    const faulty: [string, string][] = [
      ['json-malformed', '{"id": "a", '],
      ['record-malformed', '[1]'],
      ['record-malformed', 'null'],
      ['record-malformed', record('a', 'text')],
      ['record-malformed', record('a', [{ from: 'human' }, { from: 'gpt', value: good }])],
      ['record-malformed', record('a', turns('q', good), 7)],
      ['record-malformed', record('a', turns('<image>\n', good))],
      [
        'roles-wrong',
        record('a', [
          { from: 'gpt', value: good },
          { from: 'human', value: 'q' },
        ]),
      ],
      ['roles-wrong', record('a', turns('q', good, 'again?'))],
      ['roles-wrong', record('a', [])],
      ['image-missing', record('a', turns('q', good), 'images/none.png')],
      ['image-missing', record('a', turns('<image> q', good), null)],
      ['image-outside-folder', record('a', turns('q', good), '../secret.png')],
      ['image-outside-folder', record('a', turns('q', good), 'images/../../secret.png')],
      ['image-outside-folder', record('a', turns('q', good), '/etc/hosts')],
      ['image-outside-folder', record('a', turns('q', good), 'images/link.png')],
      ['images-several', record('a', turns('<image> <image> q', good))],
      ['images-several', record('a', turns('q', good), ['images/a.png', 'images/a.png'])],
      ['stage-missing', record('a', turns('q', good.replace(/<CAPTION>.*<\/CAPTION>/, '')))],
      ['stage-missing', record('a', turns('q', good.replace('</SUMMARY>', '')))],
      ['stage-missing', record('a', turns('q', good.replace('</CONCLUSION>', '')))],
      ['stage-missing', record('a', turns('q', good.replace('<SUMMARY>', '')))],
      ['stage-repeated', record('a', turns('q', `${good} <SUMMARY> again </SUMMARY>`))],
      [
        'stage-order-wrong',
        record(
          'a',
          turns('q', good.replaceAll('SUMMARY', 'X').replaceAll('CAPTION', 'SUMMARY').replaceAll('X', 'CAPTION')),
        ),
      ],
      ['stage-empty', record('a', turns('q', good.replace('a dot', ' ')))],
    ];
    await write(
      record('first', turns('q', good)),
      ...faulty.map(([, line]) => line),
      record('last', turns('q', `Well: ${good}`)),
    );

    const met: Fault[] = [];
    const stream = readLlavaCot({ folder, onFault: (fault) => met.push(fault) });
    const examples = await stream.toArray();
    expect(examples.map((example) => example.id)).toEqual(['first', 'last']);
    expect(met.map((fault) => [fault.line, fault.kind])).toEqual([
      ...faulty.map(([kind], index) => [index + 2, kind]),
      [faulty.length + 2, 'text-outside-stages'],
    ]);
    expect(stream.faults).toMatchObject({
      records: faulty.length + 2,
      examples: 2,
      dropped: faulty.length,
      first: met,
    });
    expect(Object.values(stream.faults.counts).reduce((sum, count) => sum + count, 0)).toBe(met.length);

    await expect(readLlavaCot({ folder, strict: true }).toArray()).rejects.toMatchObject({
      code: 'record-malformed',
      file: join(folder, 'train.jsonl'),
      line: 2,
    });
  });

  test('strict mode names file, line and reason in the message', async () => {
    await write(record('a', turns('q', staged('1'))), record('b', turns('q', staged('1')), 'images/none.png'));
    const error = await readLlavaCot({ folder, strict: true })
      .toArray()
      .catch((reason: unknown) => reason);
    expect(DataError.isInstance(error)).toBe(true);
    expect((error as DataError).message).toBe(
      `${join(folder, 'train.jsonl')}:2: there is no image images/none.png. (image-missing)`,
    );
  });

  test('a missing file or folder is one clear error', async () => {
    await expect(readLlavaCot({ folder, file: 'none.jsonl' }).toArray()).rejects.toMatchObject({
      code: 'not-found',
      file: join(folder, 'none.jsonl'),
    });
    await expect(readLlavaCot({ folder, file: 'images' }).toArray()).rejects.toMatchObject({ code: 'file-unreadable' });
  });

  test('shuffling gives the same examples in an order of its own, the same for a seed', async () => {
    await write(
      ...Array.from({ length: 40 }, (_, index) =>
        record(`r${index}`, turns(`é${index}?`, staged('1'), 'and?', index % 4 === 0 ? 'bad' : staged(`${index}`))),
      ),
    );
    const plain = await readLlavaCot({ folder }).toArray();
    const stream = readLlavaCot({ folder, shuffleSeed: 42 });
    const shuffled = await stream.toArray();
    const ids = shuffled.map((example) => example.id);
    expect(ids).not.toEqual(plain.map((example) => example.id));
    expect(
      [...shuffled].sort((a, b) => (a.id < b.id ? -1 : 1)).map(({ id, question, answer }) => [id, question, answer]),
    ).toEqual(
      [...plain].sort((a, b) => (a.id < b.id ? -1 : 1)).map(({ id, question, answer }) => [id, question, answer]),
    );
    expect(stream.faults).toMatchObject({ records: 40, examples: 70, dropped: 10, counts: { 'stage-missing': 10 } });
    expect((await readLlavaCot({ folder, shuffleSeed: 42 }).toArray()).map((example) => example.id)).toEqual(ids);
    expect((await readLlavaCot({ folder, shuffleSeed: 43 }).toArray()).map((example) => example.id)).not.toEqual(ids);
  });

  test('a limit stops reading, and lines may be longer than the reading buffer, end in CRLF, or start with a byte order mark', async () => {
    const long = 'x'.repeat(600_000);
    await writeFile(
      join(folder, 'train.jsonl'),
      `\uFEFF${record('a', turns('q', staged(long)))}\r\n${record('b', turns('q', staged('2')))}\r\n{broken`,
    );
    const stream = readLlavaCot({ folder, limit: 2, strict: true });
    const examples = await stream.toArray();
    expect(examples.map((example) => example.answer)).toEqual([long, '2']);
    expect((await readLlavaCot({ folder, shuffleSeed: 1 }).toArray()).length).toBe(2);
  });

  test('memory stays flat however long the file is', async () => {
    const line = record('a', turns('q', staged('word '.repeat(400))));
    await write(...Array.from({ length: 20_000 }, () => line)); // 45 MB
    let most = 0;
    let seen = 0;
    globalThis.gc?.();
    const before = process.memoryUsage().arrayBuffers;
    for await (const example of readLlavaCot({ folder })) {
      seen += 1;
      if (seen % 1000 === 0) most = Math.max(most, process.memoryUsage().arrayBuffers - before);
      expect(example.answer.length).toBeGreaterThan(0);
    }
    expect(seen).toBe(20_000);
    expect(most).toBeLessThan(20_000_000);
  });
});
