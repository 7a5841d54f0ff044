import { useEngine } from '@subtext/tensor';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { gsm8k } from '../tasks/gsm8k';
import { loadQuestions, type Questions } from '../tasks/load-questions';
import { evaluateModel, type EvaluateModelOptions } from './evaluate-model';
import { collectShards, evaluateShard } from './evaluate-shard';
import { parseShard } from './shard';

let folder: string;
let loaded: Questions;
beforeAll(async () => {
  await useEngine({ engine: 'wasm' });
  folder = await mkdtemp(join(tmpdir(), 'subtext-shards-'));
  const path = join(folder, 'data.jsonl');
  const lines = Array.from({ length: 11 }, (_, n) => JSON.stringify({ question: `${n}?`, answer: `#### ${n}` }));
  await writeFile(path, `${lines.join('\n')}\n`);
  loaded = await loadQuestions({ task: gsm8k, path });
});
afterAll(() => rm(folder, { recursive: true }));

/** A model whose answers tell which questions stood beside each other. */
function options(name: string, asked: string[][], modelHash = 'h'): EvaluateModelOptions {
  return {
    model: {
      method: 'counting',
      loaded: [loaded],
      answering: () => ({
        answer: ({ examples }) => {
          const questions = examples.map(({ question }) => question);
          asked.push(questions);
          const counts = { generatedTokens: 2, generatedTokensWithoutTags: 1, thoughts: 1, forwardPasses: 3 };
          return Promise.resolve(
            examples.map(({ answer }) => ({ output: `${questions.join(' ')} #### ${answer}`, answer, ...counts })),
          );
        },
      }),
    },
    modelName: 'counter',
    modelHash,
    folder: join(folder, name),
    batch: 2,
  };
}

/** The samples of a run but for the time that they took. */
async function samplesOf(name: string): Promise<unknown[]> {
  const file = (await readdir(join(folder, name))).find((one) => one.startsWith('samples_'))!;
  return (await readFile(join(folder, name, file), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => ({ ...(JSON.parse(line) as object), seconds: 0 }));
}

it('shards answer what one process answers, in the same batches, and are put together', async () => {
  await evaluateModel(options('whole', []));
  const asked: string[][] = [];
  const given = options('parts', asked);
  const second = await evaluateShard({ ...given, shard: { number: 2, of: 3 } });
  expect(second.samples).toBe(4);
  expect(asked).toEqual([
    ['2?', '3?'],
    ['8?', '9?'],
  ]);
  await expect(evaluateModel({ ...given, mergeOnly: true })).rejects.toMatchObject({
    code: 'incomplete',
    message: expect.stringMatching(/7 of 11 samples of gsm8k are in none of the shards/) as string,
  });
  for (const number of [1, 3]) await evaluateShard({ ...given, shard: { number, of: 3 } });
  const { results } = await evaluateModel({ ...given, mergeOnly: true });
  expect(results['n-samples'].gsm8k!.effective).toBe(11);
  expect(asked.flat()).toHaveLength(11);
  expect(await samplesOf('parts')).toEqual(await samplesOf('whole'));
});

it('what was answered is dealt to nobody again, with another number of shards', async () => {
  const asked: string[][] = [];
  const given = options('again', asked);
  await evaluateShard({ ...given, shard: { number: 1, of: 2 } });
  const before = asked.flat().length;
  expect(await collectShards(given)).toEqual({ merged: before });
  for (const number of [1, 2, 3, 4]) await evaluateShard({ ...given, shard: { number, of: 4 } });
  expect(asked.flat()).toHaveLength(11);
  await evaluateModel({ ...given, mergeOnly: true });
  expect(await samplesOf('again')).toEqual(await samplesOf('whole'));
});

it('shards of another model are refused', async () => {
  await evaluateShard({ ...options('mixed', []), shard: { number: 1, of: 2 } });
  await expect(evaluateModel(options('mixed', [], 'another'))).rejects.toMatchObject({
    code: 'invalid-result-file',
    message: expect.stringContaining('other model') as string,
  });
});

it('a shard is written as number and count', () => {
  expect(parseShard('3/8')).toEqual({ number: 3, of: 8 });
  for (const wrong of ['0/8', '9/8', '3', '1/0', 'a/b'])
    expect(() => parseShard(wrong)).toThrowError(/such as 3\/8; got/);
});
