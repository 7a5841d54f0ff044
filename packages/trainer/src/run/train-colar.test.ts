import type { ReasoningExample } from '@subtext/data';
import { Reasoner } from '@subtext/reasoner';
import { useEngine } from '@subtext/tensor';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { accuracyOf, lookupExamples, trainLookup } from '../../test/lookup-world';
import type { RunEvent, TrainRunOptions } from './run-options';
import { trainRun } from './train-run';

const examples: ReasoningExample[] = Array.from({ length: 6 }, (_, index) => ({
  id: String(index),
  question: `${index} 1`,
  steps: [{ text: `${index} 2 2` }, { text: '3 4' }],
  answer: String(index),
}));

let folder: string;
beforeAll(async () => {
  await useEngine({ engine: 'wasm' });
  folder = await mkdtemp(join(tmpdir(), 'subtext-colar-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const runOf = (name: string, more: Partial<TrainRunOptions> = {}): TrainRunOptions => ({
  folder: join(folder, name),
  identity: { fingerprint: name },
  examples,
  reasoningFormat: 'lines',
  method: { name: 'colar', factors: [1, 2, 4], maximumTokens: 12 },
  model: { new: { model_type: 'gpt2', n_positions: 48, n_embd: 16, n_layer: 1, n_head: 2 } },
  training: { batchSize: 4, shards: 2, logSteps: 1, encode: { steps: 4 } },
  workers: 0,
  card: false,
  ...more,
});
const bytes = async (name: string) =>
  Buffer.concat(
    await Promise.all(
      ['model.safetensors', 'feedback.safetensors'].map((file) => readFile(join(folder, name, 'reasoner', file))),
    ),
  );

it('resumes to the same bytes, with a worker too, the latent head among them', async () => {
  await trainRun(runOf('whole'));
  const controller = new AbortController();
  const stop = (event: RunEvent) => event.event === 'progress' && event.progress.step === 2 && controller.abort();
  const stopped = await trainRun(runOf('parts', { signal: controller.signal, onEvent: stop }));
  expect(stopped.status).toBe('stopped');
  await trainRun(runOf('parts'));
  await trainRun(runOf('worker', { workers: 1 }));
  for (const name of ['parts', 'worker']) expect((await bytes(name)).equals(await bytes('whole'))).toBe(true);
  const lines = (await readFile(join(folder, 'whole', 'log.jsonl'), 'utf8')).trim().split('\n');
  expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject(
    lines.map(() => ({
      answerLoss: expect.any(Number) as number,
      latentLoss: expect.any(Number) as number,
      latentError: expect.any(Number) as number,
    })),
  );
});

it('goes on with the head that was learnt, and begins one where there is none', async () => {
  const from = join(folder, 'whole', 'reasoner');
  const training = { batchSize: 4, shards: 1, learningRate: 1e-9, encode: { steps: 1 } };
  await trainRun(runOf('on', { model: { from }, training }));
  const [on, whole] = await Promise.all(
    ['on', 'whole'].map((name) => Reasoner.load({ folder: join(folder, name, 'reasoner') })),
  );
  const weights = (reasoner: Reasoner) => [...reasoner.feedback!.parameters.get('mean.weight').dataSync()];
  for (const [index, value] of weights(on!).entries())
    expect(Math.abs(value - weights(whole!)[index]!)).toBeLessThan(1e-6);
  for (const reasoner of [on, whole]) reasoner!.dispose();
  // Another method drops it, and what follows begins anew.
  await trainRun(
    runOf('cot', { method: { name: 'cot' }, model: { from }, training: { ...training, text: { steps: 1 } } }),
  );
  const plain = join(folder, 'cot', 'reasoner');
  const dropped = await Reasoner.load({ folder: plain });
  expect(dropped.feedback).toBeUndefined();
  dropped.dispose();
  await trainRun(runOf('again', { model: { from: plain }, training }));
});

it('refuses before the first step what answers would have no room for, and rewards', async () => {
  const method = { name: 'colar', maximumTokens: 60, factor: 1 } as const;
  await expect(trainRun(runOf('long', { method }))).rejects.toMatchObject({ code: 'example-too-long' });
  const rewarded = { method: runOf('').method, model: { from: join(folder, 'whole', 'reasoner') } };
  await expect(
    trainRun(runOf('rewarded', { ...rewarded, reinforcement: { steps: 1, rewards: [{ name: 'exact-match' }] } })),
  ).rejects.toThrow(/latent head is not trained by rewards/);
});

it('learns to look up by thoughts that stand for several tokens', async () => {
  const task = { cells: 5, hops: 2 };
  const { reasoner, metrics } = await trainLookup({
    specification: { name: 'colar', factors: [3], maximumTokens: 12 },
    examples: lookupExamples({ ...task, count: 4000 }),
    layers: 2,
    phase: () => ({ steps: 250, learningRate: 5e-3 }),
  });
  const questions = lookupExamples({ ...task, count: 100, seed: 2 });
  expect(await accuracyOf({ reasoner, examples: questions })).toBeGreaterThan(0.8);
  expect(metrics.latentError).toBeLessThan(0.3);
  const [answer] = await reasoner.think({ questions: questions.slice(0, 1) });
  expect(answer!.thoughts).toHaveLength(2);
  reasoner.dispose();
}, 300_000);
