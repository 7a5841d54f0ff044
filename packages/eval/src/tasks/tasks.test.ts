import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodePng, generateScenes, type ReasoningExample } from '@subtext/data';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeSampleRecord } from '../results/sample-record';
import { sampleDocument } from './evaluation-task';
import { onlyWord } from '../answers/choice-answer';
import { finalAnswer } from '../answers/final-answer';
import { parsePythonList } from './python-list';
import { checkTaskFitsModel, evaluationTasks, findTask, loadTask } from './registry';

let folder: string;
const png = encodePng({ width: 8, height: 8, data: new Uint8Array(192).map((_, index) => (index * 37) % 256) });
const base64 = Buffer.from(png).toString('base64');

/** Small files of our own in each task's official format. */
async function writeFixtures() {
  const write = (name: string, text: string) => writeFile(join(folder, name), text);
  const graph = {
    question: 'Every a is a b. Every a is a c. Tom is a a. Is Tom a b or d?',
    steps: ['Tom is a a.', 'Every a is a b.'],
    answer: 'Tom is a b.',
    idx_to_symbol: ['Tom', 'a', 'b', 'c', 'd'],
    edges: [
      [0, 1],
      [1, 2],
      [1, 3],
      [4, 3],
    ],
    root: 0,
    target: 2,
    neg_target: 4,
  };
  await write('prosqa.json', JSON.stringify([graph, { ...graph, edges: 'none' }]));
  await write('prosqa-graph.json', JSON.stringify([graph]));
  await write(
    'prontoqa.json',
    JSON.stringify({
      example1: {
        in_context_example0: { question: 'q', query: 'True or false: x.', chain_of_thought: ['a'], answer: 'True' },
        test_example: {
          question: 'Wumpuses are big. Sam is a wumpus.',
          query: 'True or false: Sam is not big.',
          chain_of_thought: ['Sam is a wumpus.'],
          answer: 'False',
        },
      },
    }),
  );
  await write(
    'gsm8k.jsonl',
    `${JSON.stringify({ question: 'How many?', answer: 'It is 600*2 = <<600*2=1200>>1200.\n#### 1,200' })}\n`,
  );
  await write('gsm8k-aug.json', JSON.stringify([{ question: 'How many?', steps: ['<<2*.5=1>>'], answer: '1' }]));
  await write('multiplication.txt', '1 2 * 3 4||5 5 + 0 6 0 #### 5 5 6 0\n');
  await mkdir(join(folder, 'images', '0'), { recursive: true });
  await writeFile(join(folder, 'images', '0', 'nlvr-12-0-0.png'), png);
  await write(
    'nlvr.json',
    `${JSON.stringify({ sentence: 'There is a box.', identifier: '12-0', directory: '0', label: 'true' })}\n${JSON.stringify({ sentence: 'No picture.', identifier: '13-0', directory: '0', label: 'true' })}\n`,
  );
  await mkdir(join(folder, 'tables'), { recursive: true });
  for (const id of ['1', '2']) await writeFile(join(folder, 'tables', `${id}.png`), png);
  await write(
    'tabmwp.json',
    JSON.stringify({
      1: { question: 'How much?', choices: null, answer: '1,234.50', unit: '$', table: 'x', solution: 'Add.' },
      2: {
        question: 'Which?',
        choices: ['linear', 'nonlinear'],
        answer: 'nonlinear',
        unit: null,
        table: 'x',
        solution: 'Look.',
      },
    }),
  );
  const rows = (columns: string[], lines: string[][]) =>
    [columns, ...lines].map((line) => line.join('\t')).join('\n') + '\n';
  await write(
    'mcq.tsv',
    rows(
      ['index', 'image', 'question', 'A', 'B', 'C', 'answer', 'category', 'hint'],
      [
        ['1', base64, 'What is it?', 'a circle', 'a square', '', 'B', 'shape', 'Look.'],
        ['1000001', '1', 'What is it?', 'a square', 'a circle', '', 'A', 'shape', 'Look.'],
      ],
    ),
  );
  await write(
    'hallusion.tsv',
    rows(
      ['index', 'image', 'question', 'answer', 'category', 'l2-category'],
      [
        ['VD_figure_1_0_0_0', base64, 'Is it grey?', 'Yes', 'VD', 'figure'],
        ['VD_figure_1_0_1_0', 'VD_figure_1_0_0_0', 'Is it grey?', 'No', 'VD', 'figure'],
      ],
    ),
  );
  await write(
    'mmvet.tsv',
    rows(
      ['index', 'image', 'question', 'answer', 'category'],
      [['v1_0', base64, 'What is x?', '-1<AND>-5', 'ocr,math']],
    ),
  );
  await write(
    'mathvista.tsv',
    rows(
      ['index', 'image', 'question', 'question_type', 'answer_type', 'choices', 'answer', 'answer_option'],
      [
        ['1', base64, 'How many?', 'free_form', 'integer', '', '14', ''],
        ['2', base64, 'Which?', 'multi_choice', 'text', `['3/11', '8/11']`, '8/11', 'B'],
        ['3', base64, 'Ratio?', 'free_form', 'float', '', '0.6', ''],
      ],
    ),
  );
}

const files: Record<string, string> = {
  prosqa: 'prosqa.json',
  'prosqa-graph': 'prosqa-graph.json',
  prontoqa: 'prontoqa.json',
  gsm8k: 'gsm8k.jsonl',
  'gsm8k-aug': 'gsm8k-aug.json',
  multiplication: 'multiplication.txt',
  scenes: 'scenes',
  nlvr: 'nlvr.json',
  tabmwp: 'tabmwp.json',
  mmstar: 'mcq.tsv',
  'mmbench-v1.1': 'mcq.tsv',
  ai2d: 'mcq.tsv',
  hallusionbench: 'hallusion.tsv',
  'mm-vet': 'mmvet.tsv',
  'mathvista-mini': 'mathvista.tsv',
};
const load = (name: string, limit?: number) =>
  loadTask({ task: findTask(name), path: join(folder, files[name] as string), limit });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-tasks-'));
  await writeFixtures();
  await generateScenes({
    folder: join(folder, 'scenes'),
    seed: 1,
    count: { train: 12, validation: 6, test: 6 },
    base: false,
  });
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('every task', () => {
  it('is in the list, once', () => {
    const names = evaluationTasks.map(({ name }) => name);
    expect([...names].sort()).toEqual(Object.keys(files).sort());
    expect(new Set(names).size).toBe(names.length);
    for (const name of ['gsm9k', 'constructor', '__proto__'])
      expect(() => findTask(name)).toThrowError(expect.objectContaining({ code: 'unknown-task' }));
  });

  it.each(Object.keys(files))('%s reads its official format; the truth is right and nothing is wrong', async (name) => {
    const { task, examples, dataHash } = await load(name);
    expect(examples.length).toBeGreaterThan(0);
    expect(dataHash).toMatch(/^[0-9a-f]{64}$/);
    for (const example of examples) {
      expect(task.prompt(example)).not.toBe('');
      expect(Boolean(example.image)).toBe(task.modality === 'image');
      expect(JSON.stringify(sampleDocument(example))).not.toContain(folder);
      expect(task.score({ prediction: null, example })).toMatchObject({
        correct: false,
        parseable: false,
        extracted: null,
      });
      expect(task.score({ prediction: '<SUMMARY> and it never ends', example }).parseable).toBe(false);
      if (task.judge !== undefined) continue;
      for (const prediction of [
        example.answer,
        `### ${example.answer}`,
        `<SUMMARY> <THINKING_OF_SUMMARY> </SUMMARY>\n\n<CONCLUSION> ${example.answer} </CONCLUSION>`,
      ]) {
        expect(task.score({ prediction, example })).toMatchObject({
          correct: true,
          parseable: true,
          scores: { exact_match: 1 },
        });
      }
      expect(task.score({ prediction: 'a wholly different 987654321 thing', example }).correct).toBe(false);
    }
    expect((await load(name, 1)).examples).toHaveLength(1);
  });

  it('refuses a model without a vision encoder, and empty sets', async () => {
    expect(() =>
      checkTaskFitsModel({ task: findTask('nlvr'), model: { name: 'gpt2', seesImages: false } }),
    ).toThrowError(/reads text only/);
    expect(() =>
      checkTaskFitsModel({ task: findTask('gsm8k'), model: { name: 'gpt2', seesImages: false } }),
    ).not.toThrow();
    await writeFile(join(folder, 'empty.json'), '[]');
    await expect(loadTask({ task: findTask('prosqa'), path: join(folder, 'empty.json') })).rejects.toMatchObject({
      code: 'empty-set',
    });
    await expect(loadTask({ task: findTask('prosqa'), path: join(folder, 'none.json') })).rejects.toThrowError(
      /none\.json/,
    );
    await writeFile(join(folder, 'columns.tsv'), 'index\tquestion\n1\tq\n');
    await expect(loadTask({ task: findTask('mmstar'), path: join(folder, 'columns.tsv') })).rejects.toThrowError(
      /no column answer/,
    );
  });

  it('counts records that cannot be read', async () => {
    expect((await load('nlvr')).faults).toMatchObject({ dropped: 1, counts: { 'image-missing': 1 } });
    expect((await load('prosqa')).faults.dropped).toBe(1);
    expect((await load('prosqa-graph')).faults.records).toBe(1);
  });
});

describe('answers of single tasks', () => {
  const score = async (name: string, index: number, prediction: string) => {
    const { task, examples } = await load(name);
    const result = task.score({ prediction, example: examples[index] as ReasoningExample });
    return [result.extracted, result.correct];
  };

  it('numbers', async () => {
    expect(await score('gsm8k', 0, 'She sold 600 twice.\n#### $1,200.00')).toEqual(['1200', true]);
    expect(await score('gsm8k', 0, 'first 3 then 1200')).toEqual(['1200', true]);
    expect(await score('gsm8k', 0, '#### unknown')).toEqual([null, false]);
    expect(await score('tabmwp', 0, 'The answer is $1234.5.')).toEqual(['1234.5', true]);
    expect(await score('tabmwp', 0, '2469/2')).toEqual(['1234.5', true]);
    expect(await score('multiplication', 0, '5 5 + 0 6 0 #### 5 5 6 0')).toEqual(['5560', true]);
    expect(await score('multiplication', 0, '#### 5 5 6')).toEqual(['556', false]);
  });

  it('options and words', async () => {
    expect(await score('tabmwp', 1, 'nonlinear')).toEqual(['nonlinear', true]);
    expect(await score('tabmwp', 1, 'The answer is B')).toEqual(['nonlinear', true]);
    expect(await score('tabmwp', 1, 'It is nonlinear, as one sees.')).toEqual(['nonlinear', true]);
    expect(await score('tabmwp', 1, 'linear or nonlinear')).toEqual([null, false]);
    expect(await score('mmstar', 0, 'It is a square.')).toEqual(['B', true]);
    expect(await score('mmstar', 0, 'Cannot determine the answer')).toEqual([null, false]);
    expect(await score('prontoqa', 0, 'True or False')).toEqual([null, false]);
    expect(await score('nlvr', 0, 'This is TRUE.')).toEqual(['true', true]);
    expect(await score('hallusionbench', 0, 'Yes, it is.')).toEqual(['Yes', true]);
    expect(await score('prosqa', 0, 'Every a is a b.\n### tom is a B')).toEqual(['tom is a B', true]);
    expect(await score('prosqa-graph', 0, '[A] 2')).toEqual(['2', true]);
  });

  it('writes graphs as node numbers', async () => {
    const { examples } = await load('prosqa-graph');
    expect(examples[0]?.question).toMatch(/^(\d \d)( \| \d \d){3} \[Q\] (2 4|4 2) \[R\] 0$/);
    expect(examples[0]?.answer).toBe('2');
    expect(examples[0]?.steps.map(({ text }) => text)).toEqual(['1', '2']);
    expect((await load('prosqa-graph')).examples[0]?.question).toBe(examples[0]?.question);
  });

  it('asks options as VLMEvalKit does', async () => {
    const { task, examples } = await load('mmstar');
    expect(task.prompt(examples[0] as ReasoningExample)).toBe(
      'Hint: Look.\nQuestion: What is it?\nOptions:\nA. a circle\nB. a square\nPlease select the correct answer from the options above.',
    );
  });
});

describe('measures over groups', () => {
  const samples = async (name: string, right: boolean[]) => {
    const { task, examples } = await load(name);
    const records = examples.map((example, index) =>
      makeSampleRecord({
        index,
        id: example.id,
        document: sampleDocument(example),
        target: example.answer,
        prompt: 'p',
        output: 'o',
        extracted: 'o',
        scores: { exact_match: right[index] ? 1 : 0 },
        generatedTokens: 1,
        generatedTokensWithoutTags: 1,
        thoughts: 0,
        forwardPasses: 1,
        seconds: 0,
      }),
    );
    return task.measure?.(records);
  };

  it('MMBench counts a question where every rotation is right', async () => {
    expect(await samples('mmbench-v1.1', [true, true])).toEqual({ circular_accuracy: 1 });
    expect(await samples('mmbench-v1.1', [true, false])).toEqual({ circular_accuracy: 0 });
  });

  it('HallusionBench by figure and by question', async () => {
    expect(await samples('hallusionbench', [true, false])).toEqual({ figure_accuracy: 0.5, question_accuracy: 0 });
  });
});

describe('finalAnswer', () => {
  it('takes the last conclusion, else what follows the last #, else all', () => {
    expect(finalAnswer('<CONCLUSION> a </CONCLUSION> <CONCLUSION> b')).toBe('b');
    expect(finalAnswer('# 1\n### 2')).toBe('2');
    expect(finalAnswer(' plain <|eot_id|>')).toBe('plain');
    expect(finalAnswer('<CAPTION> no end')).toBeNull();
    expect(finalAnswer('<CONCLUSION> </CONCLUSION>')).toBeNull();
    expect(onlyWord('untrue', ['true', 'false'])).toBeNull();
  });

  it('reads Python lists', () => {
    expect(parsePythonList(`['a', "b's", 'c, d', 3, -0.5, 'e\\'f\\n']`)).toEqual([
      'a',
      "b's",
      'c, d',
      '3',
      '-0.5',
      "e'f\n",
    ]);
    expect(parsePythonList('[]')).toEqual([]);
    expect(parsePythonList('(1, 2)')).toBeNull();
    expect(parsePythonList("['a' 'b']")).toBeNull();
  });
});
