import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { GraphFacts } from '../reasoning-example';
import { readCoconutJson, readProsQA } from './coconut-json';
import { readGsm8k } from './gsm8k';
import { formatICotText, readICotText } from './icot-text';
import { readProntoQA } from './prontoqa';

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
  edges: [[1, 2], [2, 3], [2, 4], [3, 5], [4, 5], [0, 6]],
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
      { id: '1', question: 'How many?', steps: [{ text: '<<600*2=1200>>' }, { text: '<<1200+34=1234>>' }], answer: '1234' },
      { id: '2', question: 'And now?', steps: [], answer: '7' },
    ]);
  });

  test('counts faults by record and goes on', async () => {
    const file = await fixture([{ question: 'q', answer: '1' }, 'text', { question: '', steps: [], answer: '1' }, { question: 'q', steps: ['s'], answer: ' ' }, { question: 'q', steps: ['s'], answer: '2' }]);
    const stream = readCoconutJson({ file });
    expect((await stream.toArray()).map((example) => example.id)).toEqual(['5']);
    expect(stream.faults).toMatchObject({ records: 5, examples: 1, dropped: 4, counts: { 'record-malformed': 3, 'answer-missing': 1 } });
    expect(stream.faults.first.map((fault) => fault.line)).toEqual([1, 2, 3, 4]);
    await expect(readCoconutJson({ file, strict: true }).toArray()).rejects.toMatchObject({ code: 'record-malformed', file, line: 1 });
  });

  test('a file that is not a JSON array is one error', async () => {
    await expect(readCoconutJson({ file: await fixture('[1, 2') }).toArray()).rejects.toMatchObject({ code: 'file-malformed' });
    await expect(readCoconutJson({ file: await fixture({ a: 1 }) }).toArray()).rejects.toMatchObject({ code: 'file-malformed' });
    await expect(readCoconutJson({ file: join(folder, 'none') }).toArray()).rejects.toMatchObject({ code: 'file-missing' });
    await expect(readCoconutJson({ file: folder }).toArray()).rejects.toMatchObject({ code: 'file-unreadable' });
  });
});

describe('readProsQA', () => {
  test('gives the graph as facts, with the nodes on shortest paths', async () => {
    const [example] = await readProsQA({ file: await fixture([graph]), strict: true }).toArray();
    expect(example).toMatchObject({ id: '1', category: '3 hops', answer: 'Tom is a wumpus.', facts: { kind: 'graph', root: 1, target: 5, negativeTarget: 6 } });
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
  const question = { question: 'Each wumpus is a dumpus. Sam is a wumpus.', query: 'True or false: Sam is a dumpus.', chain_of_thought: ['Sam is a wumpus.', 'Each wumpus is a dumpus.', 'Sam is a dumpus.'], answer: 'True' };

  test('reads all questions, or those to be tested alone', async () => {
    const file = await fixture({ example1: { in_context_example0: question, test_example: { ...question, answer: 'False' } }, example2: { test_example: question } });
    const all = await readProntoQA({ file, strict: true }).toArray();
    expect(all.map((example) => example.id)).toEqual(['example1/in_context_example0', 'example1/test_example', 'example2/test_example']);
    expect(all[0]).toMatchObject({ question: 'Each wumpus is a dumpus. Sam is a wumpus. True or false: Sam is a dumpus.', answer: 'True', category: '1 hops' });
    expect(all[0]!.steps).toHaveLength(3);
    expect((await readProntoQA({ file, part: 'test' }).toArray()).map((example) => example.answer)).toEqual(['False', 'True']);
  });

  test('names what is wrong', async () => {
    const file = await fixture({ example1: { test_example: { ...question, answer: 'Maybe' } }, example2: { test_example: { question: 'q' } }, example3: { test_example: { ...question, chain_of_thought: 'none' } }, example4: 5 });
    const stream = readProntoQA({ file });
    expect(await stream.toArray()).toEqual([]);
    expect(stream.faults.counts).toEqual({ 'answer-missing': 1, 'record-malformed': 3 });
    await expect(readProntoQA({ file: await fixture([]) }).toArray()).rejects.toMatchObject({ code: 'file-malformed' });
  });
});

describe('readGsm8k', () => {
  const record = JSON.stringify({ question: 'How much?', answer: 'He has 2*600=<<2*600=1200>>1200 coins.\nHe spends 200: <<1200-200=1000>>1000.\n#### 1,000' });

  test('keeps, removes, or takes only the calculator’s marks', async () => {
    const file = await fixture(`${record}\n`);
    const steps = async (marks: 'keep' | 'remove' | 'only') => (await readGsm8k({ file, marks, strict: true }).toArray())[0]!.steps.map((step) => step.text);
    expect(await steps('keep')).toEqual(['He has 2*600=<<2*600=1200>>1200 coins.', 'He spends 200: <<1200-200=1000>>1000.']);
    expect(await steps('remove')).toEqual(['He has 2*600=1200 coins.', 'He spends 200: 1000.']);
    expect(await steps('only')).toEqual(['<<2*600=1200>>', '<<1200-200=1000>>']);
    expect((await readGsm8k({ file }).toArray())[0]!.answer).toBe('1000');
  });

  test('an answer without the marker is counted by line', async () => {
    const stream = readGsm8k({ file: await fixture(`${record}\n${JSON.stringify({ question: 'q', answer: 'forty' })}\n{\n${JSON.stringify({ question: 'q' })}\n${JSON.stringify({ question: 'q', answer: '####' })}`) });
    expect(await stream.toArray()).toHaveLength(1);
    expect(stream.faults.first.map((fault) => [fault.line, fault.kind])).toEqual([[2, 'answer-missing'], [3, 'json-malformed'], [4, 'record-malformed'], [5, 'answer-missing']]);
  });
});

describe('readICotText', () => {
  const multiplication = '2 1 * 4 3||8 4 0 + 0 6 3 0 #### 8 0 4 0';
  const equations = 'How many?||<<1+2=3>> <<3*4=12>> #### 12';

  test('reads multiplications and equations step by step, and writes them back', async () => {
    const examples = await readICotText({ file: await fixture(`${multiplication}\n${equations}\n`), strict: true }).toArray();
    expect(examples.map(({ question, steps, answer }) => [question, steps.map((step) => step.text), answer])).toEqual([
      ['2 1 * 4 3', ['8 4 0', '+ 0 6 3 0'], '8 0 4 0'],
      ['How many?', ['<<1+2=3>>', '<<3*4=12>>'], '12'],
    ]);
    expect(examples.map(formatICotText)).toEqual([multiplication, equations]);
  });

  test('counts lines without a chain or an answer', async () => {
    const stream = readICotText({ file: await fixture('no bars #### 3\nq||chain\nq||chain ####\n|| #### 3\nq|| #### 3\n') });
    expect((await stream.toArray()).map(({ steps, answer }) => [steps, answer])).toEqual([[[], '3']]);
    expect(stream.faults.first.map((fault) => [fault.line, fault.kind])).toEqual([[1, 'record-malformed'], [2, 'answer-missing'], [3, 'answer-missing'], [4, 'record-malformed']]);
  });
});
