import { Reasoner } from '@subtext/reasoner';
import type { ReasoningExample } from '@subtext/data';
import { useEngine } from '@subtext/tensor';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { ReinforcementOptions } from '../reinforcement/reinforcement-options';
import { registerReward } from '../reinforcement/rewards';
import type { RunEvent, TrainRunOptions } from './run-options';
import { trainRun } from './train-run';

const examples: ReasoningExample[] = Array.from({ length: 6 }, (_, index) => ({
  id: String(index),
  question: `${index} 1`,
  steps: [{ text: `${index} 2 2` }, { text: '3 4' }],
  answer: String(index),
}));

/** What the rewards of tests are to do next; undefined: their work. */
let misbehave: ((question: string) => number) | undefined;

registerReward({
  name: 'fives',
  create:
    () =>
    ({ example, answer }) =>
      misbehave?.(example.question) ?? [...answer.text].filter((letter) => letter === '5').length / 4,
});

let folder: string;
beforeAll(async () => {
  await useEngine({ engine: 'wasm' });
  folder = await mkdtemp(join(tmpdir(), 'subtext-reinforce-'));
  for (const [name, method] of [
    ['cot', { name: 'cot' }],
    ['coconut', { name: 'coconut', hiddenSteps: 2 }],
    ['cot2', { name: 'cot2', count: 2 }],
    ['adaptive', { name: 'adaptive', hiddenSteps: 2 }],
  ] as const)
    await trainRun({
      ...runOf(`start-${name}`),
      reinforcement: undefined,
      method,
      model: {
        new: { model_type: 'gpt2', n_positions: 48, n_embd: 16, n_layer: 1, n_head: 2, initializer_range: 0.2 },
      },
      training: { batchSize: 4, shards: 1, text: { steps: 2 }, encode: { steps: 1 } },
    });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const rewarded: ReinforcementOptions = {
  steps: 4,
  rewards: [{ name: 'fives' }],
  questions: 2,
  group: 4,
  maxNewTokens: 4,
  learningRate: 0.02,
};

const runOf = (name: string, more: Partial<TrainRunOptions> = {}): TrainRunOptions => ({
  folder: join(folder, name),
  identity: { fingerprint: name },
  examples,
  reasoningFormat: 'tagged',
  method: { name: 'cot' },
  model: { from: join(folder, 'start-cot', 'reasoner') },
  training: { shards: 2, logSteps: 1, warmupSteps: 0 },
  reinforcement: rewarded,
  workers: 0,
  card: false,
  ...more,
});
const weights = (name: string) => readFile(join(folder, name, 'reasoner/model.safetensors'));
const log = async (name: string) =>
  (await readFile(join(folder, name, 'log.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, number>);

/** Runs of every kind: text, thoughts that are not drawn, drawn of tokens, drawn around states, several updates, a reference. */
const kinds: Record<string, Partial<TrainRunOptions>> = {
  text: {},
  state: { method: { name: 'coconut', hiddenSteps: 2 }, reinforcement: { ...rewarded, updates: 2, kl: 0.1 } },
  gaussian: {
    method: { name: 'coconut', hiddenSteps: 2 },
    reinforcement: { ...rewarded, thoughts: { kind: 'gaussian', deviation: 0.5 }, scale: 'none', per: 'token' },
  },
  tokens: {
    method: { name: 'cot2', count: 2 },
    reinforcement: { ...rewarded, updates: 2, firstFromBest: true, thoughts: { kind: 'tokens', count: 2 } },
  },
  halting: {
    method: { name: 'adaptive', hiddenSteps: 2 },
    reinforcement: { ...rewarded, updates: 2, kl: 0.1 },
  },
};
const kindOf = (name: string, kind: string) => {
  const more = kinds[kind]!;
  return runOf(name, { ...more, model: { from: join(folder, `start-${more.method?.name ?? 'cot'}`, 'reasoner') } });
};

describe.each(Object.keys(kinds))('training by rewards (%s)', (kind) => {
  it('stops where it is asked to and resumes to the same bytes', async () => {
    const whole = kindOf(`${kind}-whole`, kind);
    await trainRun(whole);
    const controller = new AbortController();
    const parts = kindOf(`${kind}-parts`, kind);
    const stopped = await trainRun({
      ...parts,
      signal: controller.signal,
      onEvent: (event) => event.event === 'progress' && controller.abort(),
    });
    expect(stopped.status).toBe('stopped');
    expect((await log(`${kind}-parts`)).length).toBe(parts.reinforcement!.updates ?? 1);
    await trainRun(parts);
    expect((await weights(`${kind}-parts`)).equals(await weights(`${kind}-whole`))).toBe(true);
    expect(await log(`${kind}-parts`)).toEqual(await log(`${kind}-whole`));
    expect((await weights(`${kind}-whole`)).equals(await weights(`start-${whole.method.name}`))).toBe(false);
    const measures = ['reward', 'length', 'entropy', 'clippedShare', 'unfinished', 'skippedGroups', 'rewardFaults'];
    for (const line of await log(`${kind}-whole`)) {
      for (const name of [...measures, ...(kind === 'state' ? ['kl'] : [])]) expect(line[name]).toBeTypeOf('number');
      expect(line.kl ?? 0).toBeGreaterThanOrEqual(0);
    }
    // A first update starts from what was sampled with, and from the reference.
    const [first] = await log(`${kind}-whole`);
    expect(first!.clippedShare).toBe(0);
    expect(Math.abs(first!.kl ?? 0)).toBeLessThan(1e-6);
  });
});

it('gives the same bytes with a worker', async () => {
  const options = kindOf('tokens-worker', 'tokens');
  await trainRun({ ...options, workers: 1 });
  expect((await weights('tokens-worker')).equals(await weights('tokens-whole'))).toBe(true);
});

it('raises the reward, and what it saves answers by it', async () => {
  const steps = 25;
  for (const kind of ['text', 'tokens']) {
    const options = kindOf(`${kind}-rise`, kind);
    await trainRun({
      ...options,
      reinforcement: { ...options.reinforcement!, steps, questions: 4, group: 8, updates: 1 },
    });
    const lines = await log(`${kind}-rise`);
    const mean = (part: typeof lines) => part.reduce((sum, { reward }) => sum + reward!, 0) / part.length;
    expect(mean(lines.slice(-5))).toBeGreaterThan(mean(lines.slice(0, 5)) + 0.3);
    const reasoner = await Reasoner.load({ folder: join(folder, `${kind}-rise`, 'reasoner') });
    const [answer] = await reasoner.think({ questions: [examples[0]!], maxNewTokens: 4 });
    expect(answer!.text).toMatch(/5/);
    reasoner.dispose();
  }
});

it.each([1, -1])('learns when to stop thinking where thoughts are worth %s', async (weight) => {
  const name = `halting-${weight}`;
  const rewards = [{ name: 'length', weight, options: { of: 'thinking' } }];
  const reinforcement = { ...rewarded, steps: 20, rewards, questions: 4, group: 8, maxNewTokens: 2 };
  await trainRun({ ...kindOf(name, 'halting'), reinforcement });
  const reasoner = await Reasoner.load({ folder: join(folder, name, 'reasoner') });
  const answers = await reasoner.think({ questions: examples, maxNewTokens: 2 });
  for (const { thoughts } of answers) expect(thoughts).toHaveLength(weight > 0 ? 2 : 0);
  // Who asks may decide otherwise.
  const [, other] = await reasoner.think({
    questions: examples,
    maxNewTokens: 2,
    takesThought: ({ row, taken, probability }) => row === 1 && taken === 0 && probability > 0,
  });
  expect(other!.thoughts).toHaveLength(1);
  reasoner.dispose();
});

describe('what goes wrong', () => {
  it('counts rewards that throw or are no numbers, leaves these answers out, and tells the first', async () => {
    const told: RunEvent[] = [];
    let asked = 0;
    misbehave = () => {
      asked++;
      if (asked % 3 === 0) throw new Error('no judge');
      return asked % 3 === 1 ? NaN : asked % 2;
    };
    await trainRun(runOf('faults', { onEvent: (event) => told.push(event) }));
    misbehave = undefined;
    const notices = told.flatMap((event) => (event.event === 'notice' ? [event.notice] : []));
    expect(notices).toEqual([
      expect.stringMatching(/^Step 1: \d answers left out\. The reward "fives" (gave NaN|threw: no judge)/),
    ]);
    for (const line of await log('faults')) expect(line.rewardFaults).toBeGreaterThan(3);
  });

  it('stops where no answer can be rewarded, with the run saved, and goes on where it stood', async () => {
    let asked = 0;
    misbehave = (question) => {
      if (asked++ >= 16) throw new Error('the judge has gone');
      return question.length % 2 === 0 ? asked % 2 : asked % 3;
    };
    await expect(trainRun(runOf('gone'))).rejects.toMatchObject({
      code: 'reward-failed',
      message: expect.stringContaining('the judge has gone') as string,
    });
    misbehave = undefined;
    const told: RunEvent[] = [];
    await trainRun(runOf('gone', { onEvent: (event) => told.push(event) }));
    expect(told).toContainEqual({ event: 'notice', notice: 'Resuming at step 1 of 4 (reinforce).' });
  });

  it('skips groups that all got the same, counts them, and those that did not end', async () => {
    misbehave = () => 1;
    await trainRun(runOf('same'));
    misbehave = undefined;
    for (const line of await log('same'))
      expect(line).toMatchObject({
        reward: 1,
        skippedGroups: 2,
        unfinished: expect.any(Number),
        loss: 0,
        gradientNorm: 0,
      });
    expect((await log('same'))[0]!.unfinished).toBeGreaterThan(0.5);
  });

  it('refuses what a run by rewards cannot do', async () => {
    const start = { from: join(folder, 'start-cot2', 'reasoner') };
    const fresh = { new: { model_type: 'gpt2' } };
    const faults: [Partial<TrainRunOptions>, RegExp][] = [
      [{ model: fresh }, /random weights earn nothing/],
      [{ interpreters: {} }, /trains no interpreters/],
      [{ heldOut: examples }, /no validation loss/],
      [{ reinforcement: { ...rewarded, group: 1 } }, /group: 1 answers/],
      [{ reinforcement: { ...rewarded, rewards: [{ name: 'kindness' }] } }, /no reward "kindness"/],
      [
        { reinforcement: { ...rewarded, rewards: [{ name: 'length', options: { off: 1 } }] } },
        /"length" does not take/,
      ],
      [{ reinforcement: { ...rewarded, thoughts: { kind: 'tokens', count: 2 } } }, /no continuous thoughts to draw/],
      [
        {
          method: { name: 'cot2', count: 2 },
          model: start,
          reinforcement: { ...rewarded, thoughts: { kind: 'state' } },
        },
        /learns from thoughts that are drawn/,
      ],
    ];
    for (const [more, message] of faults) await expect(trainRun(runOf('refused', more))).rejects.toThrow(message);
  });
});
