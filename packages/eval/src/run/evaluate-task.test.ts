import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { renderReport } from '../report/render-report';
import { buildResults } from '../results/evaluation-results';
import { runMarkdown, runSections } from '../results/run-sections';
import { readSamples, openSampleFile } from '../results/sample-file';
import { findTask, loadTask, type LoadedTask } from '../tasks/registry';
import { evaluateTask, type AnsweringModel } from './evaluate-task';
import { reasonerModel } from './reasoner-model';

let folder: string;
let loaded: LoadedTask;
const count = 10;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-run-'));
  const lines = Array.from({ length: count }, (_, index) =>
    JSON.stringify({ question: `What is ${index} + 1?`, answer: `#### ${index + 1}` }),
  );
  await writeFile(join(folder, 'gsm8k.jsonl'), `${lines.join('\n')}\n`);
  loaded = await loadTask({ task: findTask('gsm8k'), path: join(folder, 'gsm8k.jsonl') });
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const path = () => join(folder, 'samples.jsonl');
class SampleError extends Error {
  constructor(readonly code: string) {
    super(`no: ${code}`);
  }
}

/** Adds one; writes nonsense for 3; cannot run 5; notes which questions it was asked. */
function adder({ asked = [], failAt = -1 }: { asked?: string[]; failAt?: number } = {}): AnsweringModel {
  return {
    answer({ prompts }) {
      if (prompts.some((prompt) => prompt.includes('is 5 '))) return Promise.reject(new SampleError('image-missing'));
      if (prompts.some((prompt) => prompt.includes(`is ${failAt} `))) return Promise.reject(new Error('engine lost'));
      asked.push(...prompts);
      return Promise.resolve(
        prompts.map((prompt) => {
          const number = Number(/is (\d+)/.exec(prompt)?.[1]);
          const output = number === 3 ? 'words' : number === 4 ? '### 0' : `### ${number + 1}`;
          return {
            output,
            answer: output,
            generatedTokens: 5,
            generatedTokensWithoutTags: 4,
            thoughts: 2,
            forwardPasses: 5,
          };
        }),
      );
    },
  };
}

describe('evaluateTask', () => {
  it('scores, counts what cannot be parsed or run, and keeps the order', async () => {
    const file = await openSampleFile({ path: path() });
    const progress: number[] = [];
    const samples = await evaluateTask({
      loaded,
      model: adder(),
      file,
      batch: 4,
      onProgress: ({ done }) => progress.push(done),
    });
    await file.close();
    expect(samples.map(({ exact_match }) => exact_match)).toEqual([1, 1, 1, 0, 0, 0, 1, 1, 1, 1]);
    expect(samples.map(({ unparseable }) => unparseable).indexOf(true)).toBe(3);
    expect(samples[5]).toMatchObject({
      error: { code: 'image-missing', message: 'no: image-missing' },
      generated_tokens: 0,
    });
    expect(progress).toEqual([4, 8, 10]);
    expect(await readSamples({ path: path() })).toEqual(samples);
    const results = buildResults({
      tasks: [
        {
          task: 'gsm8k',
          version: 1,
          samples,
          total: count,
          higherIsBetter: { exact_match: true },
          dropped: 4,
          measures: { circular_accuracy: 0.25 },
        },
      ],
      modelName: 'adder',
    });
    const categories = samples.map((sample, index) => ({
      ...sample,
      doc: { ...sample.doc, category: index < 5 ? '2 hops' : '10 hops' },
    }));
    const markdown = runMarkdown({ results, tasks: [{ task: 'gsm8k', samples }] });
    expect(markdown).toContain('| gsm8k | exact_match (final-answer) | 70.0\u00a0% [39.7, 89.2] | 10 |');
    expect(markdown).toContain('- gsm8k: circular_accuracy 25.0 %');
    const html = renderReport({
      title: 'Run',
      summary: 's',
      sections: runSections({ results, tasks: [{ task: 'gsm8k', samples: categories }] }),
    });
    expect(html.indexOf('2 hops')).toBeLessThan(html.indexOf('10 hops'));
    expect(html).toContain('not run: no: image-missing');
    expect(html).not.toMatch(/undefined|NaN|\[object/);
    expect(results.results.gsm8k).toMatchObject({
      'exact_match,final-answer': 0.7,
      'unparseable,final-answer': 1,
      'failed,final-answer': 1,
      'exact_match,strict-match': 0,
      'exact_match,flexible-extract': 0.7,
      'unparseable,flexible-extract': 1,
    });
  });

  it('goes on after a break with what is missing, to the same samples', async () => {
    const first = await openSampleFile({ path: path() });
    await expect(evaluateTask({ loaded, model: adder({ failAt: 7 }), file: first, batch: 3 })).rejects.toThrowError(
      'engine lost',
    );
    await first.close();
    const asked: string[] = [];
    const second = await openSampleFile({ path: path() });
    expect(second.finished.size).toBe(6);
    const samples = await evaluateTask({ loaded, model: adder({ asked }), file: second, batch: 3 });
    await second.close();
    expect(asked).toHaveLength(4);
    const whole = await openSampleFile({ path: join(folder, 'whole.jsonl') });
    const unbroken = await evaluateTask({ loaded, model: adder(), file: whole, batch: 3 });
    await whole.close();
    const timeless = (records: typeof samples) => records.map((record) => ({ ...record, seconds: 0 }));
    expect(timeless(samples)).toEqual(timeless(unbroken));
  });

  it('stops when told, keeping what is finished', async () => {
    const file = await openSampleFile({ path: path() });
    const abort = new AbortController();
    await expect(
      evaluateTask({ loaded, model: adder(), file, batch: 2, signal: abort.signal, onProgress: () => abort.abort() }),
    ).rejects.toThrowError(/abort/i);
    expect(file.finished.size).toBe(2);
    await file.close();
  });

  it('refuses a file of other data and a model that loses answers', async () => {
    const file = await openSampleFile({ path: path() });
    await expect(evaluateTask({ loaded, model: { answer: () => Promise.resolve([]) }, file })).rejects.toMatchObject({
      code: 'length-mismatch',
    });
    await evaluateTask({ loaded, model: adder(), file });
    await expect(
      evaluateTask({ loaded: { ...loaded, examples: loaded.examples.slice(1) }, model: adder(), file }),
    ).rejects.toThrowError(/not in the data/);
    await file.close();
  });

  it('asks a reasoner', async () => {
    const model = reasonerModel({
      reasoner: {
        think: ({ questions }) =>
          Promise.resolve(
            questions.map(({ question }) => ({
              text: `${question} ### 1`,
              answer: '1',
              stages: [],
              thoughts: [],
              prompt: [],
              ids: [],
              tokens: { generated: 4, withoutTags: 3, thinking: 1 },
              passes: 2,
              finished: true,
            })),
          ),
      },
    });
    expect(await model.answer({ examples: loaded.examples.slice(0, 1), prompts: ['p'] })).toEqual([
      {
        output: 'p ### 1',
        answer: '1',
        generatedTokens: 4,
        generatedTokensWithoutTags: 3,
        thoughts: 1,
        forwardPasses: 2,
      },
    ]);
  });
});
