import { encodePng, formats, type ReasoningExample } from '@subtext/data';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { answerScores, formatTask, type AnswerScore } from './format-task';
import { askedAsGraphs, checkTaskFitsModel, loadTask } from './registry';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-own-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const conversation = (id: string, question: string, answer: string, image?: string) =>
  JSON.stringify({
    id,
    ...(image === undefined ? {} : { image }),
    conversations: [
      { from: 'human', value: question },
      {
        from: 'gpt',
        value: `<SUMMARY> s </SUMMARY> <CAPTION> c </CAPTION> <REASONING> r </REASONING> <CONCLUSION> ${answer} </CONCLUSION>`,
      },
    ],
  });
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

async function load(format: string, score: AnswerScore, text: string) {
  const path = join(folder, `${format}-${score}.${format === 'icot-text' ? 'txt' : 'jsonl'}`);
  await writeFile(path, text);
  return await loadTask({ task: formatTask({ format, score }), path });
}

describe('one’s own data', () => {
  it('has a task for every format and every way of scoring', () => {
    for (const format of Object.keys(formats)) {
      for (const score of answerScores) {
        const task = formatTask({ format, score });
        expect(
          task.score({ prediction: null, example: { id: '1', question: 'q', steps: [], answer: 'a' } }),
        ).toMatchObject({ correct: false, parseable: false });
        expect(task.name).toBe(`${format}-${score}`);
      }
    }
    for (const format of ['constructor', '__proto__', 'csv', ''])
      expect(() => formatTask({ format, score: 'exact' })).toThrowError(/There is no data format.*llava-cot/);
    expect(() => formatTask({ format: 'gsm8k', score: 'bleu' as AnswerScore })).toThrowError(
      /exact, numeric, choice, facts/,
    );
  });

  it.each<[string, AnswerScore, string, string, string, string]>([
    [
      'gsm8k',
      'numeric',
      JSON.stringify({ question: 'How much?', answer: '600 + 600\n#### 1,200' }),
      'so **$1,200**.',
      '1200',
      '### 2',
    ],
    [
      'gsm8k',
      'exact',
      JSON.stringify({ question: 'How much?', answer: '600 + 600\n#### 1,200' }),
      '#### 1,200',
      '1,200',
      '1,300',
    ],
    [
      'coconut-json',
      'numeric',
      JSON.stringify([{ question: 'How much?', steps: ['<<1+1=2>>'], answer: '2' }]),
      '### 2',
      '2',
      '### 3',
    ],
    [
      'icot-text',
      'numeric',
      '1 2 * 3 4||5 5 + 0 6 0 #### 5 5 6 0\n',
      '5 5 + 0 6 0 #### 5 5 6 0',
      '5560',
      '#### 5 5 6 1',
    ],
    [
      'llava-cot',
      'exact',
      conversation('1', 'Which colour?', 'red'),
      '<CONCLUSION> Red. </CONCLUSION>',
      'Red.',
      'blue',
    ],
    [
      'llava-cot',
      'numeric',
      conversation('1', 'How many?', 'There are 3 dogs'),
      '<CONCLUSION> 3 </CONCLUSION>',
      '3',
      '4',
    ],
    [
      'llava-cot',
      'choice',
      [conversation('1', 'Is it so?', 'yes'), conversation('2', 'And so?', 'no')].join('\n'),
      '**Answer: Yes**, it is',
      'yes',
      'no',
    ],
    ['llava-cot', 'choice', conversation('1', 'Which?\nA. a circle\nB. a square', 'B'), '## Answer\n\nB', 'B', 'A'],
    [
      'llava-cot',
      'choice',
      conversation('1', 'Which?\n(A) a circle\n(B) a square', 'a square'),
      'It is a square',
      'B',
      '(A)',
    ],
    [
      'llava-cot',
      'facts',
      conversation('1', 'Tell.', 'A red circle at the top left and a blue square at the top right'),
      'a red circle at the top left and a blue square at the top right',
      'a red circle at the top left and a blue square at the top right',
      'a red circle',
    ],
    ['prosqa', 'exact', JSON.stringify([graph]), 'Every a is a b.\n### Tom is a b', 'Tom is a b', 'Tom is a d.'],
  ])('%s scored by %s', async (format, score, text, right, extracted, wrong) => {
    const { task, examples } = await load(format, score, text);
    expect(task.prompt(examples[0]!)).not.toBe('');
    expect(task.score({ prediction: examples[0]!.answer, example: examples[0]! })).toMatchObject({ correct: true });
    expect(task.score({ prediction: right, example: examples[0]! })).toMatchObject({ correct: true, extracted });
    expect(task.score({ prediction: wrong, example: examples[0]! }).correct).toBe(false);
  });

  it('counts facts in part', () => {
    const task = formatTask({ format: 'llava-cot', score: 'facts' });
    const score = (answer: string, prediction: string) =>
      task.score({ prediction, example: { id: '1', question: 'q', steps: [], answer } }).scores.facts_right;
    expect(score('a red circle and a blue square', 'a blue square and a green circle')).toBe(0.75);
    expect(score('Tom Smith paid 3 dollars to Ann', 'He gave Ann 3 dollars')).toBeCloseTo(2 / 3, 5);
    expect(score('none of them', 'None of them.')).toBe(1);
  });

  it.each<[string, AnswerScore, string, RegExp]>([
    [
      'llava-cot',
      'numeric',
      conversation('1', 'Which?', 'red'),
      /--score numeric does not fit this data \(format llava-cot\): the answer of example 1, "red", is no number\. Take exact/,
    ],
    ['llava-cot', 'facts', conversation('1', 'Which?', 'so it is'), /no answer states an object.*Take exact/],
    ['llava-cot', 'choice', conversation('1', 'Which?\nA. a circle\nB. a square', 'neither'), /is none of its options/],
    [
      'coconut-json',
      'choice',
      JSON.stringify(Array.from({ length: 40 }, (_, index) => ({ question: 'q', steps: [], answer: `word ${index}` }))),
      /40 different answers/,
    ],
    ['gsm8k', 'exact', '{"question":"q"}\n', /has no example in/],
  ])('refuses %s by %s in one clear error', async (format, score, text, message) => {
    await expect(load(format, score, text)).rejects.toThrowError(message);
  });

  it('asks graphs as graphs, and says where there is none', async () => {
    for (const format of ['prosqa', 'coconut-json']) {
      const asked = askedAsGraphs(await load(format, 'exact', JSON.stringify([graph])));
      expect(asked.task.prompt(asked.examples[0]!)).toMatch(/^(\d \d)( \| \d \d){3} \[Q\] (2 4|4 2) \[R\] 0$/);
      expect(asked.task.score({ prediction: '[A] 2', example: asked.examples[0]! })).toMatchObject({ correct: true });
    }
    const words = await load('coconut-json', 'exact', JSON.stringify([{ question: 'q', steps: [], answer: 'a' }]));
    expect(() => askedAsGraphs(words)).toThrowError(/trained on graphs, and example \d+ has none/);
  });

  it('is asked with its pictures where it has any', async () => {
    await writeFile(join(folder, 'a.png'), encodePng({ width: 2, height: 2, data: new Uint8Array(12) }));
    const { task, examples } = await load('llava-cot', 'exact', conversation('1', 'Which?', 'red', 'a.png'));
    const blind = { name: 'm', seesImages: false };
    expect(() => checkTaskFitsModel({ task, examples, model: blind })).toThrowError(/reads text only.*--no-images/);
    expect(() =>
      checkTaskFitsModel({
        task,
        examples: examples.map(({ image: _, ...rest }): ReasoningExample => rest),
        model: blind,
      }),
    ).not.toThrow();
    expect(() => checkTaskFitsModel({ task, examples, model: { name: 'm', seesImages: true } })).not.toThrow();
  });
});
