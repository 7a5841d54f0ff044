import { generateProsQA, type ReasoningExample } from '@subtext/data';
import { explainAnswers, loadExplainers } from '@subtext/decoder';
import { graphExample, Reasoner } from '@subtext/reasoner';
import { useEngine } from '@subtext/tensor';
import { access, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';

import type { RunEvent, TrainRunOptions } from './run-options';
import { trainGraphs } from './train-graphs';
import { trainRun } from './train-run';

const examples: ReasoningExample[] = [
  { id: '1', question: '1 2 3', steps: [{ text: '1 2' }, { text: '3 3' }], answer: '6' },
  { id: '2', question: '4 1', steps: [{ text: '4 1' }, { text: '5' }], answer: '5' },
];
const training = {
  batchSize: 2,
  shards: 1,
  logSteps: 1,
  text: { steps: 2 },
  encode: { steps: 2 },
  recover: { steps: 1 },
};
let folder: string;
beforeAll(async () => {
  await useEngine({ engine: 'wasm' });
  folder = await mkdtemp(join(tmpdir(), 'subtext-run-'));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

const runOf = (name: string, more: Partial<TrainRunOptions> = {}): TrainRunOptions => ({
  folder: join(folder, name),
  identity: { fingerprint: name },
  examples,
  reasoningFormat: 'lines',
  method: { name: 'sim-cot', hiddenSteps: 2 },
  model: {
    new: { model_type: 'gpt2', n_positions: 48, n_embd: 16, n_layer: 1, n_head: 2 },
  },
  training,
  workers: 0,
  ...more,
});
const finished = async (name: string) =>
  JSON.parse(await readFile(join(folder, name, 'finished.json'), 'utf8')) as Record<string, unknown>;

it('trains and saves a method with the interpreter that it names, tells what is going on, and does nothing twice', async () => {
  const told: RunEvent[] = [];
  const options = runOf('sim-cot', {
    onEvent: (event) => told.push(event),
    summary: () => ({ own: 1 }),
    report: async () => ({ looked: true }),
  });
  const result = await trainRun(options);
  // Everything in text, one step hidden, both hidden, the answer alone.
  expect(await finished('sim-cot')).toMatchObject({ fingerprint: 'sim-cot', steps: 8, own: 1 });
  expect(result).toMatchObject({ status: 'finished', reasoner: join(folder, 'sim-cot/reasoner') });
  const cards = [result.reasoner, ...result.interpreters].map((of) => readFile(join(of, 'README.md'), 'utf8'));
  expect(await Promise.all(cards)).toEqual([
    expect.stringMatching(/^---\nlibrary_name: "transformers"\n[^]*\| Data \| 2 examples \|\n[^]*\| Steps \| 8 \|/),
    expect.stringMatching(/Puts the thoughts of a reasoner [^]*\| Steps \| 8 \|/),
  ]);
  expect(new Set(told.map(({ event }) => event))).toEqual(
    new Set(['estimate', 'progress', 'phase', 'end-progress', 'trained']),
  );
  const lines = (await readFile(result.log, 'utf8')).trim().split('\n');
  expect(JSON.parse(lines[0]!)).toMatchObject({ step: 1, reasonerLoss: expect.any(Number) });
  expect(JSON.parse(await readFile(join(folder, 'sim-cot/data.json'), 'utf8'))).toEqual({ looked: true });
  const reasoner = await Reasoner.load({ folder: result.reasoner });
  const [answer] = await reasoner.think({ questions: [{ question: '1 2 3' }] });
  expect(answer!.thoughts.map(({ stage }) => stage)).toEqual(['step_1', 'step_2']);
  const explainers = await loadExplainers({ folder: result.reasoner });
  const questions = [{ question: '1 2 3' }, { question: '4 1' }];
  const asked = { explainers, questions, answers: [answer!, { thoughts: [] }] };
  const [words, none] = await explainAnswers(asked);
  expect(words).toEqual({ step_1: expect.any(String), step_2: expect.any(String) });
  expect(none).toEqual({});
  // Each stage by itself is read to the same words.
  const step = answer!.thoughts.filter(({ stage }) => stage === 'step_2');
  const request = { question: '1 2 3', stage: 'step_2', states: step.map(({ hidden }) => hidden) };
  expect(await explainers[0]!.explain({ requests: [request] })).toEqual([words!.step_2]);
  expect(await loadExplainers({ folder: join(folder, 'nowhere') })).toEqual([]);
  for (const one of [reasoner, ...explainers]) one.dispose();

  told.length = 0;
  expect(await trainRun(options)).toMatchObject({ status: 'finished', seconds: result.seconds });
  expect(told).toEqual([]);
  await expect(trainRun({ ...options, identity: { fingerprint: 'other' } })).rejects.toMatchObject({
    code: 'run-exists',
  });
});

it('without an identity of its own takes that of options, data and models; tells what a found run has otherwise', async () => {
  const options = runOf('identified', { identity: undefined, method: { name: 'coconut', hiddenSteps: 1 } });
  const { seconds } = await trainRun(options);
  expect(await trainRun({ ...options, training: { ...training, keepCheckpoints: 5 } })).toMatchObject({ seconds });
  await expect(trainRun({ ...options, training: { ...training, learningRate: 0.5 } })).rejects.toMatchObject({
    code: 'run-exists',
    message: expect.stringContaining('training.learningRate is 0.5, was left out.') as string,
  });
  await expect(trainRun({ ...options, examples: examples.slice(0, 1) })).rejects.toThrow('examples (other content)');
});

it('stops where it is asked to, resumes to the same bytes, and estimates without a trace', async () => {
  const weights = (name: string) => readFile(join(folder, name, 'reasoner/model.safetensors'));
  await trainRun(runOf('whole', { method: { name: 'coconut', hiddenSteps: 1 } }));
  const controller = new AbortController();
  const parts = runOf('parts', { method: { name: 'coconut', hiddenSteps: 1 }, signal: controller.signal });
  const stop = (event: RunEvent) => event.event === 'progress' && event.progress.step === 3 && controller.abort();
  expect(await trainRun({ ...parts, onEvent: stop })).toMatchObject({ status: 'stopped' });
  expect(await trainRun({ ...parts, signal: undefined })).toMatchObject({ status: 'finished' });
  expect((await weights('parts')).equals(await weights('whole'))).toBe(true);

  const told: RunEvent[] = [];
  expect(await trainRun(runOf('dry', { dryRun: true, onEvent: (event) => told.push(event) }))).toMatchObject({
    status: 'estimated',
  });
  expect(told).toMatchObject([{ event: 'estimate', whole: true, estimate: { steps: 8 } }]);
  await expect(access(join(folder, 'dry'))).rejects.toMatchObject({ code: 'ENOENT' });
});

it('says what is wrong with its options before anything is written', async () => {
  for (const [more, message] of [
    [{ training: { ...training, phases: { nowhere: { steps: 1 } } } }, /training\.phases names "nowhere"/],
    [{ stages: ['caption'] }, /stages names "caption"/],
    [{ model: {} }, /give either "from" or "new"/],
    [{ examples: [] }, /no example to train on/],
    [{ method: { name: 'cot' }, interpreters: {} }, /holds no step in thoughts/],
  ] as [Partial<TrainRunOptions>, RegExp][]) {
    await expect(trainRun(runOf('wrong', more))).rejects.toThrow(message);
  }
  await expect(access(join(folder, 'wrong'))).rejects.toMatchObject({ code: 'ENOENT' });
});

it('trains on graphs as on examples: log, validation, best weights, and a reasoner', async () => {
  const graphs = [...generateProsQA({ count: 14, seed: 3, hops: { minimum: 3, maximum: 4 } })].map((one) =>
    graphExample(one),
  );
  const options = {
    folder: join(folder, 'graphs'),
    identity: { fingerprint: 'graphs' },
    examples: graphs.slice(4),
    heldOut: graphs.slice(0, 4),
    method: { count: 2 },
    model: { width: 16, heads: 2 },
    training: {
      ...{ graphs: 2, queries: 2, shards: 2, hop: { steps: 2 }, answer: { steps: 2 } },
      ...{ validation: { steps: 1 }, logSteps: 1, finalWeights: 'best' as const },
    },
    workers: 0,
  };
  const { status, reasoner: saved, log } = await trainGraphs(options);
  expect(status).toBe('finished');
  const lines = (await readFile(log, 'utf8')).trim().split('\n');
  expect(lines.map((line) => JSON.parse(line) as Record<string, unknown>)).toMatchObject(
    Array.from({ length: 6 }, (_, index) => ({
      step: index + 1,
      mastery: expect.any(Number),
      validationLoss: expect.any(Number),
    })),
  );
  const reasoner = await Reasoner.load({ folder: saved });
  expect(reasoner.settings.method).toMatchObject({ name: 'graph', count: 2 });
  reasoner.dispose();
  await expect(
    trainGraphs({ ...options, folder: join(folder, 'narrow'), model: { width: 16, heads: 3 } }),
  ).rejects.toThrow(/not a multiple of model.heads 3/);
});
