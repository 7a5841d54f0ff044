import { useEngine } from '@subtext/tensor';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { readSamples } from '../results/sample-file';
import { gsm8k } from '../tasks/gsm8k';
import { loadQuestions } from '../tasks/load-questions';
import { evaluateModel } from './evaluate-model';
import type { EvaluationEvent } from './evaluation-event';
import { summarizeSeeds } from './summarize-seeds';

let folder: string;
beforeAll(async () => {
  await useEngine({ engine: 'wasm' });
  folder = await mkdtemp(join(tmpdir(), 'subtext-evaluate-'));
});
afterAll(() => rm(folder, { recursive: true }));

it('asks once what is asked, and writes the same results when it is started again', async () => {
  const path = join(folder, 'data.jsonl');
  const lines = [1, 2, 3, 4].map((number) => JSON.stringify({ question: `${number}?`, answer: `#### ${number}` }));
  await writeFile(path, `${lines.join('\n')}\n`);
  const loaded = await loadQuestions({ task: gsm8k, path, limit: 3 });
  expect(loaded).toMatchObject({
    total: 4,
    path,
    examples: [{ question: '1?' }, { question: '2?' }, { question: '3?' }],
  });
  let asked = 0;
  const events: EvaluationEvent[] = [];
  const run = ({ seed, stopAfter = Infinity }: { seed: number; stopAfter?: number }) =>
    evaluateModel({
      model: {
        method: 'counting',
        loaded: [loaded],
        // A seed of 2 makes the third answer wrong.
        answering: ({ seed: drawn }) => ({
          answer: ({ prompts }) => {
            if (asked >= stopAfter) return Promise.reject(new Error('lost'));
            asked += prompts.length;
            return Promise.resolve(
              prompts.map((prompt) => {
                const answer = drawn === 2 && prompt.startsWith('3') ? '0' : prompt.charAt(0);
                const counts = { generatedTokens: 2, generatedTokensWithoutTags: 1, thoughts: 1, forwardPasses: 3 };
                return { output: answer, answer, ...counts };
              }),
            );
          },
        }),
      },
      modelName: 'counter',
      modelHash: 'h',
      folder: join(folder, String(seed)),
      batch: 2,
      temperature: 1,
      seed,
      machine: { engine: 'wasm', processors: 9 },
      versions: { here: '1' },
      onEvent: (event) => events.push(event),
    });
  await expect(run({ seed: 1, stopAfter: 2 })).rejects.toThrow('lost');
  const first = await run({ seed: 1 });
  expect(asked).toBe(3);
  expect(events.filter(({ event }) => event !== 'progress')).toEqual([{ event: 'resumed', folder: join(folder, '1') }]);
  expect(first.results.results.gsm8k).toMatchObject({ 'exact_match,final-answer': 1, 'thoughts,final-answer': 1 });
  expect(first.results.config).toMatchObject({ method: 'counting', engine: 'wasm', processors: 9, batch: 2 });
  expect(first.results['n-samples'].gsm8k).toEqual({ original: 4, effective: 3 });
  const again = await run({ seed: 1 });
  expect(asked).toBe(3);
  expect(again).toEqual(first);
  expect(JSON.parse(await readFile(first.path, 'utf8'))).toEqual(first.results);
  expect(await readFile(first.report, 'utf8')).toContain('Evaluation of counter');
  expect(await readSamples({ path: join(folder, '1', `samples_gsm8k_${first.path.slice(-31, -5)}.jsonl`) })).toEqual(
    first.samples[0],
  );
  const second = await run({ seed: 2 });
  const runs = [first.results, second.results];
  expect(summarizeSeeds({ runs, seeds: [1, 2], tasks: [gsm8k] })).toMatchObject([
    { task: 'gsm8k', metric: 'exact_match', values: [1, 2 / 3], mean: (1 + 2 / 3) / 2 },
  ]);
});
