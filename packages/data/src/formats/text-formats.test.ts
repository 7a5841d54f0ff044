import { execFileSync } from 'node:child_process';
import { mkdtemp, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { encodePng } from '../images/encode-png';
import type { GraphFacts } from '../reasoning-example';
import { readCoconutJson, readProsQA } from './coconut-json';
import { detectFormat } from './detect-format';
import { parseExactJson } from './exact-json';
import { readGsm8k } from './gsm8k';
import { formatICotText, readICotText } from './icot-text';
import { readJsonl } from './jsonl';
import { readLlavaCot } from './llava-cot';
import { readProntoQA } from './prontoqa';
import { findFormat, formats } from './registry';
import { readVlmEvalKit } from './vlmevalkit';

let folder: string;
let number = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-formats-'));
});

/** Writes a fixture: text as it is, anything else as JSON. */
async function fixture(content: unknown): Promise<string> {
  const file = join(folder, `fixture-${(number += 1)}`);
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

// A diamond 1 → 2 → {3, 4} → 5, and 0 → 6 as the other side.
const graph = {
  question: 'Tom is a lempus. Every lempus is a gorpus. … Is Tom a wumpus or impus?',
  answer: 'Tom is a wumpus.',
  steps: ['Tom is a lempus.', 'Every lempus is a gorpus.', 'Every gorpus is a wumpus.'],
  idx_to_symbol: ['Sam', 'Tom', 'lempus', 'gorpus', 'dumpus', 'wumpus', 'impus'],
  edges: [
    [1, 2],
    [2, 3],
    [2, 4],
    [3, 5],
    [4, 5],
    [0, 6],
  ],
  root: 1,
  target: 5,
  neg_target: 6,
};

describe('readCoconutJson', () => {
  test('reads question, steps and answer; numbers lose their separators', async () => {
    const file = await fixture([
      { question: 'How many?', steps: ['<<600*2=1200>>', '<<1200+34=1234>>'], answer: '1,234' },
      { question: 'And now?', steps: [], answer: 7 },
    ]);
    expect(await readCoconutJson({ file, strict: true }).toArray()).toEqual([
      {
        id: '1',
        question: 'How many?',
        steps: [{ text: '<<600*2=1200>>' }, { text: '<<1200+34=1234>>' }],
        answer: '1234',
      },
      { id: '2', question: 'And now?', steps: [], answer: '7' },
    ]);
  });

  test('counts faults by record and goes on', async () => {
    const file = await fixture([
      { question: 'q', answer: '1' },
      'text',
      { question: '', steps: [], answer: '1' },
      { question: 'q', steps: ['s'], answer: ' ' },
      { question: 'q', steps: ['s'], answer: '2' },
    ]);
    const stream = readCoconutJson({ file });
    expect((await stream.toArray()).map((example) => example.id)).toEqual(['5']);
    expect(stream.faults).toMatchObject({
      records: 5,
      examples: 1,
      dropped: 4,
      counts: { 'record-malformed': 3, 'answer-missing': 1 },
    });
    expect(stream.faults.first.map((fault) => fault.line)).toEqual([1, 2, 3, 4]);
    await expect(readCoconutJson({ file, strict: true }).toArray()).rejects.toMatchObject({
      code: 'record-malformed',
      file,
      line: 1,
    });
  });

  test('a file that is not a JSON array is one error', async () => {
    await expect(readCoconutJson({ file: await fixture('[1, 2') }).toArray()).rejects.toMatchObject({
      code: 'file-malformed',
    });
    await expect(readCoconutJson({ file: await fixture({ a: 1 }) }).toArray()).rejects.toMatchObject({
      code: 'file-malformed',
    });
    await expect(readCoconutJson({ file: join(folder, 'none') }).toArray()).rejects.toMatchObject({
      code: 'not-found',
    });
    await expect(readCoconutJson({ file: folder }).toArray()).rejects.toMatchObject({ code: 'file-unreadable' });
  });
});

describe('readProsQA', () => {
  test('gives the graph as facts, with the nodes on shortest paths', async () => {
    const [example] = await readProsQA({ file: await fixture([graph]), strict: true }).toArray();
    expect(example).toMatchObject({
      id: '1',
      category: '3 hops',
      answer: 'Tom is a wumpus.',
      facts: { kind: 'graph', root: 1, target: 5, negativeTarget: 6 },
    });
    expect((example!.facts as GraphFacts).neighborsByHop).toEqual([[1], [2], [3, 4], [5]]);
  });

  test('neighbor_k must agree with the edges', async () => {
    const good = { ...graph, neighbor_k: { 0: [1], 1: [2], 2: [4, 3], 3: [5] } };
    expect(await readProsQA({ file: await fixture([good]), strict: true }).toArray()).toHaveLength(1);
    const bad = { ...graph, neighbor_k: { 0: [1], 1: [2], 2: [3], 3: [5] } };
    await expect(readProsQA({ file: await fixture([bad]), strict: true }).toArray()).rejects.toThrow(/neighbor_k/);
  });

  test.each([
    ['without a graph', { edges: undefined }],
    ['edges beyond the nodes', { edges: [[1, 99]] }],
    ['edges that are no pairs', { edges: [[1]] }],
    ['a target that can’t be reached', { target: 6 }],
    ['names that are no list', { idx_to_symbol: 'Tom' }],
    ['a root that is no node', { root: -1 }],
    ['neighbor_k of nothing', { neighbor_k: null }],
    ['neighbor_k of other things', { neighbor_k: { 0: 1, 1: 'x' } }],
  ])('refuses records %s', async (_, change) => {
    const stream = readProsQA({ file: await fixture([{ ...graph, ...change }]) });
    expect(await stream.toArray()).toEqual([]);
    expect(stream.faults.counts).toEqual({ 'record-malformed': 1 });
  });
});

describe('readProntoQA', () => {
  const question = {
    question: 'Each wumpus is a dumpus. Sam is a wumpus.',
    query: 'True or false: Sam is a dumpus.',
    chain_of_thought: ['Sam is a wumpus.', 'Each wumpus is a dumpus.', 'Sam is a dumpus.'],
    answer: 'True',
  };

  test('reads all questions, or those to be tested alone', async () => {
    const file = await fixture({
      example1: { in_context_example0: question, test_example: { ...question, answer: 'False' } },
      example2: { test_example: question },
    });
    const all = await readProntoQA({ file, strict: true }).toArray();
    expect(all.map((example) => example.id)).toEqual([
      'example1/in_context_example0',
      'example1/test_example',
      'example2/test_example',
    ]);
    expect(all[0]).toMatchObject({
      question: 'Each wumpus is a dumpus. Sam is a wumpus. True or false: Sam is a dumpus.',
      answer: 'True',
      category: '1 hops',
    });
    expect(all[0]!.steps).toHaveLength(3);
    expect((await readProntoQA({ file, part: 'test' }).toArray()).map((example) => example.answer)).toEqual([
      'False',
      'True',
    ]);
  });

  test('names what is wrong', async () => {
    const file = await fixture({
      example1: { test_example: { ...question, answer: 'Maybe' } },
      example2: { test_example: { question: 'q' } },
      example3: { test_example: { ...question, chain_of_thought: 'none' } },
      example4: 5,
    });
    const stream = readProntoQA({ file });
    expect(await stream.toArray()).toEqual([]);
    expect(stream.faults.counts).toEqual({ 'answer-missing': 1, 'record-malformed': 3 });
    await expect(readProntoQA({ file: await fixture([]) }).toArray()).rejects.toMatchObject({ code: 'file-malformed' });
  });
});

describe('readGsm8k', () => {
  const record = JSON.stringify({
    question: 'How much?',
    answer: 'He has 2*600=<<2*600=1200>>1200 coins.\nHe spends 200: <<1200-200=1000>>1000.\n#### 1,000',
  });

  test('keeps, removes, or takes only the calculator’s marks', async () => {
    const file = await fixture(`${record}\n`);
    const steps = async (marks: 'keep' | 'remove' | 'only') =>
      (await readGsm8k({ file, marks, strict: true }).toArray())[0]!.steps.map((step) => step.text);
    expect(await steps('keep')).toEqual([
      'He has 2*600=<<2*600=1200>>1200 coins.',
      'He spends 200: <<1200-200=1000>>1000.',
    ]);
    expect(await steps('remove')).toEqual(['He has 2*600=1200 coins.', 'He spends 200: 1000.']);
    expect(await steps('only')).toEqual(['<<2*600=1200>>', '<<1200-200=1000>>']);
    expect((await readGsm8k({ file }).toArray())[0]!.answer).toBe('1000');
  });

  test('an answer without the marker is counted by line', async () => {
    const stream = readGsm8k({
      file: await fixture(
        `${record}\n${JSON.stringify({ question: 'q', answer: 'forty' })}\n{\n${JSON.stringify({ question: 'q' })}\n${JSON.stringify({ question: 'q', answer: '####' })}`,
      ),
    });
    expect(await stream.toArray()).toHaveLength(1);
    expect(stream.faults.first.map((fault) => [fault.line, fault.kind])).toEqual([
      [2, 'answer-missing'],
      [3, 'json-malformed'],
      [4, 'record-malformed'],
      [5, 'answer-missing'],
    ]);
  });
});

describe('readICotText', () => {
  const multiplication = '2 1 * 4 3||8 4 0 + 0 6 3 0 #### 8 0 4 0';
  const equations = 'How many?||<<1+2=3>> <<3*4=12>> #### 12';

  test('reads multiplications and equations step by step, and writes them back', async () => {
    const examples = await readICotText({
      file: await fixture(`${multiplication}\n${equations}\n`),
      strict: true,
    }).toArray();
    expect(examples.map(({ question, steps, answer }) => [question, steps.map((step) => step.text), answer])).toEqual([
      ['2 1 * 4 3', ['8 4 0', '+ 0 6 3 0'], '8 0 4 0'],
      ['How many?', ['<<1+2=3>>', '<<3*4=12>>'], '12'],
    ]);
    expect(examples.map(formatICotText)).toEqual([multiplication, equations]);
  });

  test('counts lines without a chain or an answer', async () => {
    const stream = readICotText({
      file: await fixture('no bars #### 3\nq||chain\nq||chain ####\n|| #### 3\nq|| #### 3\n'),
    });
    expect((await stream.toArray()).map(({ steps, answer }) => [steps, answer])).toEqual([[[], '3']]);
    expect(stream.faults.first.map((fault) => [fault.line, fault.kind])).toEqual([
      [1, 'record-malformed'],
      [2, 'answer-missing'],
      [3, 'answer-missing'],
      [4, 'record-malformed'],
    ]);
  });
});

describe('readJsonl', () => {
  test('reads questions with steps as texts or stages, choices and metadata', async () => {
    const lines = [
      { question: 'How many?', answer: 12 },
      {
        id: 'a',
        question: 'q',
        steps: ['one', { text: 'two' }, { name: 'reasoning', text: 'three' }],
        answer: ' B ',
        category: 'c',
        choices: ['x', 'y'],
        source: 'book',
        page: 3,
        parts: [1],
      },
    ];
    const examples = await readJsonl({
      file: await fixture(lines.map((line) => JSON.stringify(line)).join('\n')),
      strict: true,
    }).toArray();
    expect(examples).toEqual([
      { id: '1', question: 'How many?', steps: [], answer: '12' },
      {
        id: 'a',
        question: 'q',
        answer: 'B',
        category: 'c',
        steps: [{ text: 'one' }, { text: 'two' }, { name: 'reasoning', text: 'three' }],
        facts: {
          kind: 'choice',
          options: [
            { letter: 'A', text: 'x' },
            { letter: 'B', text: 'y' },
          ],
        },
        metadata: { source: 'book', page: '3' },
      },
    ]);
  });

  test('takes pictures of its own folder alone', async () => {
    await writeFile(join(folder, 'dot.png'), encodePng({ data: Uint8Array.from([1, 2, 3]), width: 1, height: 1 }));
    await symlink('/etc/hosts', join(folder, 'link.png'));
    const image = (path: unknown): string => JSON.stringify({ question: 'q', answer: 'a', image: path });
    const stream = readJsonl({
      file: await fixture(
        ['dot.png', ['dot.png'], null, 'none.png', '../x.png', 'link.png', ['dot.png', 'dot.png'], 7]
          .map(image)
          .join('\n'),
      ),
    });
    const examples = await stream.toArray();
    expect(examples.map((example) => example.image?.path)).toEqual([
      join(folder, 'dot.png'),
      join(folder, 'dot.png'),
      undefined,
    ]);
    expect((await examples[0]!.image!.load()).width).toBe(1);
    expect(stream.faults.counts).toEqual({
      'image-missing': 1,
      'image-outside-folder': 2,
      'images-several': 1,
      'record-malformed': 1,
    });
  });

  test.each([
    ['{', 'json-malformed'],
    ['7', 'record-malformed'],
    ['{"question": "q"}', 'answer-missing'],
    ['{"answer": "a"}', 'record-malformed'],
    ['{"question": "q", "answer": "a", "steps": "s"}', 'record-malformed'],
    ['{"question": "q", "answer": "a", "steps": [""]}', 'record-malformed'],
    ['{"question": "q", "answer": "a", "steps": [{"name": 1, "text": "s"}]}', 'record-malformed'],
    ['{"question": "q", "answer": "a", "steps": [null]}', 'record-malformed'],
    ['{"question": "q", "answer": "a", "id": {}}', 'record-malformed'],
    ['{"question": "q", "answer": "a", "choices": "A"}', 'record-malformed'],
    [`{"question": "q", "answer": "a", "x": ${'['.repeat(300)}${']'.repeat(300)}}`, 'json-malformed'],
  ])('counts %s as a fault', async (line, kind) => {
    const stream = readJsonl({ file: await fixture(`${line}\n{"question": "good", "answer": "a"}`) });
    expect((await stream.toArray()).map((example) => example.question)).toEqual(['good']);
    expect(stream.faults.first.map((fault) => [fault.line, fault.kind])).toEqual([[1, kind]]);
  });
});

describe('what data must not lose', () => {
  test('whole numbers keep their digits, fractions too', async () => {
    const text =
      '{"id": 12345678901234567890, "question": "q 12345678901234567890", "answer": 9007199254740993, "steps": [], "n": 0.12345678901234567891, "big": 1e999, "small": 1.5}';
    const [example] = await readJsonl({ file: await fixture(text), strict: true }).toArray();
    expect(example).toMatchObject({
      id: '12345678901234567890',
      question: 'q 12345678901234567890',
      answer: '9007199254740993',
      metadata: { n: '0.12345678901234567891', big: '1e999', small: '1.5' },
    });
    expect((await readCoconutJson({ file: await fixture(`[${text}]`), strict: true }).toArray())[0]!.answer).toBe(
      '9007199254740993',
    );
    const llava = text.replace(
      '"question"',
      '"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "<SUMMARY> a </SUMMARY> <CAPTION> b </CAPTION> <REASONING> c </REASONING> <CONCLUSION> d </CONCLUSION>"}], "question"',
    );
    const file = await fixture(llava);
    expect((await readLlavaCot({ folder, file: basename(file), strict: true }).toArray())[0]!.id).toBe(
      '12345678901234567890',
    );
    for (const bad of ['{"a": 012345678901234567890}', '{"a": 12345678901234567890.}'])
      expect(() => parseExactJson({ text: bad, name: 'x' })).toThrow(/not JSON/);
  });

  test('bytes that are not UTF-8 are a fault with file and line, in every format', async () => {
    const latin = (text: string): Buffer => Buffer.from(text, 'latin1');
    const write = async (bytes: Buffer): Promise<string> => {
      const file = await fixture('');
      await writeFile(file, bytes);
      return file;
    };
    const good = '{"question": "q", "answer": "#### a"}\n';
    for (const read of [readJsonl, readGsm8k]) {
      const stream = read({
        file: await write(latin(`${good}{"question": "caf\u00e9", "answer": "#### a"}\n${good}`)),
      });
      expect(await stream.toArray()).toHaveLength(2);
      expect(stream.faults.first).toMatchObject([{ line: 2, kind: 'text-malformed' }]);
    }
    await expect(
      readJsonl({ file: await write(latin('{"question": "caf\u00e9", "answer": "a"}')), strict: true }).toArray(),
    ).rejects.toMatchObject({ code: 'text-malformed', line: 1 });
    await expect(
      readCoconutJson({
        file: await write(latin('[\n{"question": "caf\u00e9", "answer": "a", "steps": []}]')),
      }).toArray(),
    ).rejects.toMatchObject({ code: 'text-malformed', line: 2 });
    await expect(readCoconutJson({ file: await write(Buffer.from('\ufeff[]', 'utf16le')) }).toArray()).rejects.toThrow(
      /UTF-16/,
    );
    const chains = readICotText({ file: await write(latin('caf\u00e9||c #### 1\nq||c #### 1')) });
    expect(await chains.toArray()).toHaveLength(1);
    expect(chains.faults.counts).toEqual({ 'text-malformed': 1 });
  });

  test('lines, files and folders beyond bounds end with the name of the file', async () => {
    const file = await fixture(`{"question": "q", "answer": "a"}\n${'x'.repeat(2000)}`);
    await expect(readJsonl({ file, maximumLineBytes: 1000 }).toArray()).rejects.toMatchObject({
      code: 'line-too-long',
      file,
      line: 2,
    });
    await expect(readCoconutJson({ file, maximumFileBytes: 1000 }).toArray()).rejects.toMatchObject({
      code: 'file-too-large',
      file,
    });
    const table = await fixture(`index\tquestion\tanswer\timage\n1\t"${'x\n'.repeat(2000)}`);
    await expect(readVlmEvalKit({ file: table, maximumLineBytes: 1000 }).toArray()).rejects.toMatchObject({
      code: 'line-too-long',
      file: table,
    });
    // 60 GB that take no room on the disk, as a tar archive can carry them.
    const sparse = await fixture('');
    await truncate(sparse, 60e9);
    for (const format of Object.values(formats))
      await expect(format.read({ file: sparse }).toArray()).rejects.toMatchObject({
        file: expect.stringContaining(sparse) as string,
      });
  }, 60_000);

  test.skipIf(process.platform === 'win32')('pipes are not waited for, devices not read', async () => {
    const pipe = join(folder, 'pipe.jsonl');
    execFileSync('mkfifo', [pipe]);
    for (const format of Object.values(formats)) {
      await expect(format.read({ file: pipe }).toArray()).rejects.toMatchObject({
        code: expect.stringMatching(/^(file-.*|not-found)$/) as string,
      });
      await expect(format.read({ file: '/dev/zero' }).toArray()).rejects.toMatchObject({
        code: expect.stringMatching(/^(file-.*|not-found)$/) as string,
      });
    }
  });

  test('names of formats are own names', () => {
    for (const name of ['constructor', '__proto__', 'toString', 'none'])
      expect(() => findFormat(name)).toThrow(/no data format/);
  });
});

describe('hints', () => {
  const record = { question: 'q', steps: ['s'], answer: 'a' };
  const lines = `${JSON.stringify(record)}\n${JSON.stringify(record)}\n`;

  test('JSON lines where one value is expected, and the reverse', async () => {
    for (const format of [formats['coconut-json'], formats.prosqa, formats.prontoqa, formats.tabmwp])
      await expect(format.read({ file: await fixture(lines) }).toArray()).rejects.toThrow(/JSON lines/);
    for (const text of [
      JSON.stringify([record]),
      JSON.stringify([record], null, 2),
      JSON.stringify({ a: record }, null, 2),
    ]) {
      for (const format of [formats.jsonl, formats.gsm8k, formats.nlvr])
        await expect(format.read({ file: await fixture(text) }).toArray()).rejects.toThrow(/one JSON value/);
    }
    await expect(
      formats['llava-cot'].read({ file: await fixture(JSON.stringify([record])) }).toArray(),
    ).rejects.toThrow(/one JSON value/);
    await expect(
      formats['coconut-json'].read({ file: await fixture(JSON.stringify(record)) }).toArray(),
    ).rejects.toThrow(/jsonl/);
  });

  test('a folder where a file is expected names its files', async () => {
    const own = await mkdtemp(join(tmpdir(), 'subtext-folder-'));
    await writeFile(join(own, 'train.jsonl'), lines);
    await expect(formats.jsonl.read({ file: own }).toArray()).rejects.toThrow(
      /this is a folder; name a file in it: train\.jsonl/,
    );
  });

  test('a file’s beginning tells its format', async () => {
    const cases: [string, string | undefined][] = [
      [lines, 'jsonl'],
      [JSON.stringify([record]), 'coconut-json'],
      [JSON.stringify([{ ...record, ...graph }], null, 1), 'prosqa'],
      [JSON.stringify({ question: 'q', answer: 'x #### 3' }), 'gsm8k'],
      [JSON.stringify({ id: 1, conversations: [] }), 'llava-cot'],
      [JSON.stringify({ sentence: 's', identifier: '1-0' }), 'nlvr'],
      [
        JSON.stringify({
          example1: { test_example: { question: 'q', query: 'q', chain_of_thought: [], answer: 'True' } },
        }),
        'prontoqa',
      ],
      [JSON.stringify({ 1: { question: 'q', solution: 's', table: 't' } }), 'tabmwp'],
      ['1 2||3 #### 4', 'icot-text'],
      ['index\tquestion\tanswer\timage\n', 'vlmevalkit'],
      ['nothing', undefined],
      ['', undefined],
    ];
    for (const [text, format] of cases) expect(await detectFormat(await fixture(text))).toBe(format);
  });
});
