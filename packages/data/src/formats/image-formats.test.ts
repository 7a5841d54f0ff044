import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { encodePng } from '../images/encode-png';
import { readNlvr } from './nlvr';
import { readTabMwp } from './tabmwp';
import { readVlmEvalKit } from './vlmevalkit';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-images-'));
});

const dot = (value: number) => ({ data: Uint8Array.from([value, value, value]), width: 1, height: 1 });
const png = (value: number): Uint8Array => encodePng(dot(value));

describe('readNlvr', () => {
  const statement = {
    sentence: 'There is a tower. ',
    label: 'true',
    identifier: '12-0',
    directory: '3',
    structured_rep: [[{ y_loc: 80, type: 'square', color: 'Yellow', x_loc: 40, size: 20 }], [], []],
  };

  async function write(...records: unknown[]): Promise<string> {
    await mkdir(join(folder, 'images', '3'), { recursive: true });
    for (const name of ['dev-12-0-0.png', 'dev-12-0-4.png', 'dev-12-1-0.png', 'dev-112-0-0.png'])
      await writeFile(join(folder, 'images', '3', name), png(name.length));
    const file = join(folder, 'dev.json');
    await writeFile(
      file,
      records.map((record) => (typeof record === 'string' ? record : JSON.stringify(record))).join('\n'),
    );
    return file;
  }

  test('gives each picture of a statement, with its boxes', async () => {
    const examples = await readNlvr({ file: await write(statement), strict: true }).toArray();
    expect(examples.map((example) => example.id)).toEqual(['12-0/0', '12-0/4']);
    expect(examples[1]).toMatchObject({
      question: 'There is a tower.',
      answer: 'true',
      steps: [],
      facts: { kind: 'boxes', boxes: [[{ shape: 'square', colour: 'Yellow', x: 40, y: 80, size: 20 }], [], []] },
    });
    expect(examples[1]!.image!.path).toBe(join(folder, 'images', '3', 'dev-12-0-4.png'));
    expect(await examples[1]!.image!.load()).toEqual(dot(14));
  });

  test('pictures that are links out of the folder are refused', async () => {
    const file = await write(statement);
    await writeFile(join(folder, 'secret.png'), png(1));
    await rm(join(folder, 'images', '3', 'dev-12-0-4.png'));
    await symlink(join(folder, 'secret.png'), join(folder, 'images', '3', 'dev-12-0-4.png'));
    const stream = readNlvr({ file });
    expect((await stream.toArray()).map(({ id }) => id)).toEqual(['12-0/0']);
    expect(stream.faults.counts).toEqual({ 'image-outside-folder': 1 });
  });

  test('a folder of pictures that is itself a link out of the data is refused, unless the caller names it', async () => {
    const file = await write(statement);
    const away = await mkdtemp(join(tmpdir(), 'subtext-away-'));
    await rename(join(folder, 'images'), join(away, 'images'));
    await symlink(join(away, 'images'), join(folder, 'images'));
    const stream = readNlvr({ file });
    expect(await stream.toArray()).toEqual([]);
    expect(stream.faults.counts).toEqual({ 'image-outside-folder': 2 });
    expect(await readNlvr({ file, imageFolder: join(away, 'images'), strict: true }).toArray()).toHaveLength(2);
  });

  test('counts faults by line', async () => {
    const stream = readNlvr({
      file: await write(
        '{',
        { ...statement, label: 'maybe' },
        { ...statement, identifier: '99-0' },
        { ...statement, directory: '../..' },
        { ...statement, sentence: '' },
        statement,
      ),
    });
    expect(await stream.toArray()).toHaveLength(2);
    expect(stream.faults.first.map((fault) => [fault.line, fault.kind])).toEqual([
      [1, 'json-malformed'],
      [2, 'answer-missing'],
      [3, 'image-missing'],
      [4, 'record-malformed'],
      [5, 'record-malformed'],
    ]);
  });
});

describe('readTabMwp', () => {
  const problem = {
    question: 'How much?',
    choices: null,
    answer: '1,250',
    unit: '$',
    table_title: 'Prices',
    table: 'a | 1',
    solution: 'Add.\n\n1,200 + 50 = 1,250.',
    ques_type: 'free_text',
    ans_type: 'integer_number',
    grade: 3,
    split: 'dev',
  };

  test('reads problems with tables, solutions and choices', async () => {
    await mkdir(join(folder, 'tables'));
    for (const id of ['7', '8']) await writeFile(join(folder, 'tables', `${id}.png`), png(Number(id)));
    const file = join(folder, 'problems.json');
    await writeFile(
      file,
      JSON.stringify({
        7: problem,
        8: { ...problem, choices: ['yes', 'no'], answer: 'no', ques_type: 'multi_choice', unit: null },
        9: problem,
        10: { ...problem, answer: null },
        11: { ...problem, choices: 'yes' },
        '../x': problem,
      }),
    );
    const stream = readTabMwp({ file });
    const examples = await stream.toArray();
    expect(examples.map((example) => example.id)).toEqual(['7', '8']);
    expect(examples[0]).toMatchObject({
      answer: '1250',
      steps: [{ text: 'Add.' }, { text: '1,200 + 50 = 1,250.' }],
      category: 'free_text',
      metadata: { unit: '$', table_title: 'Prices', table: 'a | 1', grade: '3' },
    });
    expect(examples[0]!.facts).toBeUndefined();
    expect(examples[1]!.facts).toEqual({
      kind: 'choice',
      options: [
        { letter: 'A', text: 'yes' },
        { letter: 'B', text: 'no' },
      ],
    });
    expect(examples[1]!.metadata).not.toHaveProperty('unit');
    expect(await examples[0]!.image!.load()).toEqual(dot(7));
    expect(stream.faults).toMatchObject({
      records: 6,
      dropped: 4,
      counts: { 'image-missing': 1, 'image-outside-folder': 1, 'answer-missing': 1, 'record-malformed': 1 },
    });
  });
});

describe('readVlmEvalKit', () => {
  const base64 = (value: number): string => Buffer.from(png(value)).toString('base64');
  const table = async (...rows: string[][]): Promise<string> => {
    const file = join(folder, 'MMStar.tsv');
    await writeFile(file, `${rows.map((row) => row.join('\t')).join('\n')}\n`);
    return file;
  };
  const header = ['index', 'question', 'A', 'B', 'C', 'answer', 'category', 'l2-category', 'image'];

  test('reads options, categories, quoted fields over several lines, and base64 images', async () => {
    const file = await table(
      header,
      ['0', '"Which ""dot""\nis\there?"', 'grey', 'black', '', 'B', 'perception', 'fine', base64(3)],
      ['5', 'Free?', '', '', '', 'two', 'maths', '', base64(4)],
    );
    const examples = await readVlmEvalKit({ file, strict: true }).toArray();
    expect(examples[0]).toMatchObject({
      id: '0',
      question: 'Which "dot"\nis\there?',
      answer: 'B',
      category: 'perception',
      facts: {
        kind: 'choice',
        options: [
          { letter: 'A', text: 'grey' },
          { letter: 'B', text: 'black' },
        ],
      },
      metadata: { 'l2-category': 'fine' },
    });
    expect(await examples[0]!.image!.load()).toEqual(dot(3));
    expect(examples[1]!.facts).toBeUndefined();
    expect(examples[1]!.metadata).toBeUndefined();
    expect(examples[1]!.image!.path).toBe(`${file}:4`);
  });

  test('an image may be another row’s, or a path in the folder', async () => {
    await writeFile(join(folder, 'a.png'), png(9));
    const file = await table(
      [...header, 'image_path'],
      ['1', 'q', 'x', 'y', '', 'A', 'c', '', base64(5), ''],
      ['1000001', 'q', 'y', 'x', '', 'B', 'c', '', '1', ''],
      ['2', 'q', 'x', 'y', '', 'A', 'c', '', '', 'a.png'],
      ['3', 'no image', 'x', 'y', '', 'A', 'c', '', '', ''],
    );
    const examples = await readVlmEvalKit({ file, strict: true }).toArray();
    expect(await examples[1]!.image!.load()).toEqual(dot(5));
    expect(await examples[2]!.image!.load()).toEqual(dot(9));
    expect(examples[3]!.image).toBeUndefined();
  });

  test('counts faults by line; a broken image is an error when it is decoded', async () => {
    const file = await table(
      [...header, 'image_path'],
      ['1', 'q', '', '', '', '', 'c', '', base64(1), ''],
      ['', 'q', '', '', '', 'a', 'c', '', base64(1), ''],
      ['3', 'q', '', '', '', 'a', 'c', '', '77', ''],
      ['4', 'q', '', '', '', 'a', 'c', '', "['x', 'y']", ''],
      ['5', 'q', '', '', '', 'a', 'c', '', '', '../secret.png'],
      ['6', 'q', '', '', '', 'a', 'c', '', '', 'none.png'],
      ['7', 'q', '', '', '', 'a', 'c', '', 'A'.repeat(100), ''],
    );
    const stream = readVlmEvalKit({ file });
    const examples = await stream.toArray();
    expect(stream.faults.first.map((fault) => [fault.line, fault.kind])).toEqual([
      [2, 'answer-missing'],
      [3, 'record-malformed'],
      [4, 'image-missing'],
      [5, 'images-several'],
      [6, 'image-outside-folder'],
      [7, 'image-missing'],
    ]);
    await expect(examples[0]!.image!.load()).rejects.toMatchObject({ code: 'image-broken', file, line: 8 });
  });

  test('one bad row does not end the file', async () => {
    const file = join(folder, 'bad.tsv');
    const good = (index: string): string => [index, 'q', 'x', 'y', '', 'A', 'c', '', ''].join('\t');
    const rows = [
      header.join('\t'),
      good('1'), // line 2
      ['2', '"open', 'x', 'y', '', 'A', 'c', '', ''].join('\t'), // closed by the quote in line 5, with too many cells between
      good('3'),
      ['4', '"quoted, closed"', 'x', 'y', '', 'A', 'c', '', ''].join('\t'),
      ['5', '5" wide', 'x', '"a"b', '', 'A', 'c', '', ''].join('\t'),
      `${good('6')}\tmore`,
      '7\tshort',
      good('8'),
      ['9', '"never closed', 'x', 'y', '', 'A', 'c', '', ''].join('\t'), // line 10
      good('10'),
    ].join('\n');
    const at = Buffer.from(rows).indexOf('8\tq');
    const bytes = Buffer.from(rows);
    bytes[at + 2] = 0xe9; // Latin-1
    await writeFile(file, bytes);
    const stream = readVlmEvalKit({ file });
    const examples = await stream.toArray();
    expect(examples.map(({ id }) => id)).toEqual(['1', '3', '4', '5', '10']);
    expect(examples[3]).toMatchObject({ question: '5" wide', facts: { options: [{ text: 'x' }, { text: 'ab' }] } });
    expect(stream.faults.first.map((fault) => [fault.line, fault.kind])).toEqual([
      [3, 'record-malformed'],
      [7, 'record-malformed'],
      [8, 'answer-missing'],
      [9, 'text-malformed'],
      [10, 'record-malformed'],
    ]);
  });

  test('images of later rows, lists of one, and columns that the first row leaves empty', async () => {
    await writeFile(join(folder, 'b.png'), png(7));
    const file = join(folder, 'lists.tsv');
    await writeFile(
      file,
      [
        ['index', 'question', 'answer', 'image_path', 'image', '__proto__'].join('\t'),
        '1\tq\ta', // no image, fewer cells
        ['2', 'q', 'a', '', '4', 'meta'].join('\t'), // that of a later row
        ['3', 'q', 'a', '', `['${base64(3)}']`].join('\t'),
        ['4', 'q', 'a', '', `data:image/png;base64,${base64(4)}`].join('\t'),
        ['5', 'q', 'a', '["b.png"]', ''].join('\t'),
        ['6', 'q', 'a', "['b.png', 'b.png']", ''].join('\t'),
        ['7', 'q', 'a', '', '2'].join('\t'), // of a row that has another's
      ].join('\r\n'),
    );
    const stream = readVlmEvalKit({ file });
    const examples = await stream.toArray();
    expect(
      await Promise.all(examples.map(async ({ id, image }) => [id, image && (await image.load()).data[0]])),
    ).toEqual([
      ['1', undefined],
      ['2', 4],
      ['3', 3],
      ['4', 4],
      ['5', 7],
    ]);
    expect(Object.entries(examples[1]!.metadata!)).toEqual([['__proto__', 'meta']]);
    expect(stream.faults.first.map((fault) => [fault.line, fault.kind])).toEqual([
      [7, 'images-several'],
      [8, 'image-missing'],
    ]);
  });

  test('a table without the columns or without rows is one error', async () => {
    await expect(readVlmEvalKit({ file: await table(['index', 'text'], ['1', 'x']) }).toArray()).rejects.toThrow(
      /no column question, answer, image/,
    );
    await expect(readVlmEvalKit({ file: await table(header) }).toArray()).rejects.toMatchObject({ code: 'empty-set' });
    await expect(readVlmEvalKit({ file: join(folder, 'none.tsv') }).toArray()).rejects.toMatchObject({
      code: 'not-found',
    });
    await expect(readVlmEvalKit({ file: folder }).toArray()).rejects.toMatchObject({ code: 'file-unreadable' });
  });
});
