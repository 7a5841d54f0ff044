import type { ReasoningExample } from '@subtext/data';
import { createModel, type LanguageModel } from '@subtext/model';
import { tf, useEngine } from '@subtext/tensor';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { smallContext } from '../../test/small-world';
import { collateLayouts } from '../batches/reasoner-batch';
import { FeedbackMap } from '../feedback/feedback-map';
import { embedBatch } from '../forward/embed-batch';
import { Reasoner } from '../reasoner/reasoner';
import { withFactor } from '../reasoner/with-factor';
import { refusedSampling, ThoughtSampler } from '../session/sampled-thoughts';
import type { ColarOptions } from './colar';
import { latentTokens } from './latent-prompt';
import { IGNORED_LABEL } from './reasoning-method';
import { createMethod } from './registry';

const example: ReasoningExample = {
  id: 'one',
  question: '3 5',
  steps: [{ text: '1 2' }, { text: '4 1 7' }],
  answer: '6',
};
const specification = { name: 'colar', factors: [1, 2, 3], maximumTokens: 8 } as const;
const method = createMethod({ ...specification, factors: [1, 2, 3] });
const context = smallContext({ specialTokens: method.specialTokens({ stages: [] }) });
const { tokenizer } = context;
const stages = ['step_1', 'step_2'];
const phase = method.curriculum({ stages })[0]!;
/** The words of the chain with their marks, as `cot` writes them. */
const chain = ['1 2\n', '4 1 7\n'].flatMap((text) => tokenizer.encode(text, { addSpecialTokens: false }).ids);
const factorOf = (ids: readonly number[]) =>
  specification.factors.find((factor) => ids.includes(tokenizer.idOf(`<|factor-${factor}|>`)));

let model: LanguageModel;
let reasoner: Reasoner;
let folder: string;
beforeAll(async () => {
  await useEngine({ engine: 'cpu' });
  folder = await mkdtemp(join(tmpdir(), 'subtext-colar-'));
  model = createModel({
    config: {
      model_type: 'gpt2',
      vocab_size: tokenizer.vocabularySize,
      n_positions: 32,
      n_embd: 8,
      n_layer: 1,
      n_head: 2,
      initializer_range: 0.4,
    },
    seed: 3,
  });
  reasoner = new Reasoner({
    model,
    tokenizer,
    settings: {
      format: 1,
      method: { ...specification, factors: [1, 2, 3] },
      stages,
      hiddenStages: stages,
      reasoningFormat: 'lines',
      prefix: ['<s>'],
      endToken: '</s>',
      thoughtReading: 'before',
      longestResponse: 4,
    },
  });
});
afterAll(async () => {
  reasoner.dispose();
  await rm(folder, { recursive: true, force: true });
});

describe('the layout', () => {
  it('has a thought for each group of the chain, predicted with one of its tokens, and the end of thinking', () => {
    const layout = method.layout({ example, phase, context });
    expect(factorOf(layout.ids)).toBe(3);
    const groups = [0, 3, 6].map((from) => chain.slice(from, from + 3)).filter(({ length }) => length > 0);
    const first = layout.thoughts[0]!.position;
    expect(layout.inputs).toEqual(
      groups.map((ids, index) => ({ position: first + index, ids, weights: ids.map(() => 1 / Math.sqrt(ids.length)) })),
    );
    const end = first + groups.length;
    expect(layout.ids[end]).toBe(tokenizer.idOf(latentTokens.end));
    expect(layout.labels.slice(first, end + 1)).toEqual([...groups.map((group) => group.at(-1)), layout.ids[end]]);
    expect(layout.labels.slice(0, first).every((label) => label === IGNORED_LABEL)).toBe(true);
    expect(layout.promptLength).toBe(end + 1);
  });

  it('draws one factor for a step, and a token of each group for each example', () => {
    const drawn = (step: number, row: number) =>
      method.layout({ example, phase, context, counters: [1, 0, step, row] });
    const counts = new Map<number, number>();
    const labels = new Set<number>();
    for (let step = 0; step < 60; step++) {
      const factor = factorOf(drawn(step, 0).ids)!;
      for (let row = 0; row < 8; row++) {
        const layout = drawn(step, row);
        expect(factorOf(layout.ids)).toBe(factor);
        if (factor === 3) labels.add(layout.labels[layout.thoughts[0]!.position]!);
      }
      counts.set(factor, (counts.get(factor) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual([1, 2, 3]);
    expect(Math.min(...counts.values())).toBeGreaterThan(10);
    expect(labels).toEqual(new Set(chain.slice(0, 3)));
  });

  it('is answered with the places of as many thoughts as the longest chain takes', () => {
    const prompt = method.prompt({ example, context });
    expect(method.promptThoughts!({ example, context })).toHaveLength(3);
    expect(prompt.filter((id) => id === tokenizer.idOf(latentTokens.latent))).toHaveLength(3);
    const longest = method.chanceLayouts!({ example, phase, context });
    expect(longest.map(({ ids }) => factorOf(ids))).toEqual([1, 3]);
    expect(longest.at(-1)!.ids.slice(0, prompt.length)).toEqual(prompt);
  });
});

describe('in answering', () => {
  it('feeds the mean that the latent head predicts, at most as often as there are places', async () => {
    const [answer] = await reasoner.think({ questions: [example], maxNewTokens: 2 });
    expect(answer!.thoughts.length).toBeLessThanOrEqual(3);
    for (const { hidden, input } of answer!.thoughts) {
      const expected = tf.tidy(() => {
        const { mean, scale } = reasoner.feedback!.predict(tf.tensor2d(hidden, [1, 8]));
        return tf.mul(mean, scale).dataSync();
      });
      for (const [unit, value] of (input as Float32Array).entries())
        expect(Math.abs(value - expected[unit]!)).toBeLessThan(1e-5);
    }
  });

  it('sees in one pass of training what it sees when the true thoughts are fed one by one', async () => {
    const layout = method.layout({ example, phase, context });
    const batch = collateLayouts({ layouts: [layout], padId: 0, lossWeight: 1 });
    expect(batch.continuous).toBeUndefined();
    const states = tf.tidy(() => model.forward({ ...embedBatch({ model, ...batch }) }).hidden.arraySync()[0]!);
    const table = tf.tidy(
      () => model.embed(tf.range(0, tokenizer.vocabularySize, 1, 'int32').as2D(1, -1)).arraySync()[0]!,
    );
    const sums = layout.inputs!.map((input) =>
      Float32Array.from({ length: 8 }, (_, unit) =>
        'ids' in input ? input.ids.reduce((sum, id) => sum + table[id]![unit]!, 0) / Math.sqrt(input.ids.length) : NaN,
      ),
    );
    // It must not end sooner than the chain.
    const [answer] = await reasoner.think({
      questions: [example],
      maxNewTokens: 1,
      nextInput: ({ thought: { index } }) => sums[index]!,
    });
    for (const [index, { hidden }] of answer!.thoughts.entries())
      for (const [unit, value] of hidden.entries())
        expect(Math.abs(value - states[layout.thoughts[index]!.position - 1]![unit]!)).toBeLessThan(1e-5);
    expect(answer!.thoughts.length).toBeGreaterThan(0);
  });

  it('stops thinking where the language head finds the mark of its end likeliest', async () => {
    const { stop } = method.halting!(context);
    const unbroken = reasoner.model.logits.bind(reasoner.model);
    const told = (at: number) => (states: tf.Tensor) =>
      tf.tidy(() => {
        const added = new Float32Array(tokenizer.vocabularySize);
        added[stop] = at;
        return tf.add(unbroken(states as tf.Tensor2D), tf.tensor1d(added));
      });
    for (const [at, thoughts] of [
      [1e3, 0],
      [-1e3, 3],
    ] as const) {
      reasoner.model.logits = told(at) as typeof unbroken;
      const [answer] = await reasoner.think({ questions: [example], maxNewTokens: 1 });
      expect(answer!.thoughts).toHaveLength(thoughts);
      expect(answer!.tokens.thinking).toBe(thoughts);
    }
    reasoner.model.logits = unbroken;
  });

  it('takes another factor that was trained, in more places, and refuses one that was not', async () => {
    const finer = withFactor({ reasoner, factor: 1 });
    expect(finer.method.promptThoughts!({ example, context })).toHaveLength(8);
    expect(factorOf(finer.prompts([example])[0]!)).toBe(1);
    expect(() => withFactor({ reasoner, factor: 5 })).toThrow(
      expect.objectContaining({
        code: 'untrained-factor',
        message: expect.stringMatching(/5 was not.*1, 2, 3/) as string,
      }),
    );
    const other = { ...reasoner.settings, method: { name: 'cot' } as const };
    expect(() => withFactor({ reasoner: new Reasoner({ model, tokenizer, settings: other }), factor: 1 })).toThrow(
      /"cot" have no compression factor/,
    );
  });

  it('draws thoughts around the mean, the same for the same seed, as far away as the head says', async () => {
    const sampling = { kind: 'latent-head', temperature: 0.5 } as const;
    const sampler = await ThoughtSampler.open({ model, feedback: reasoner.feedback, sampling });
    const hidden = Float32Array.from({ length: 8 }, (_, unit) => Math.sin(unit));
    const input = new Float32Array(8);
    const state = { row: 0, thought: { stage: 'thought', index: 0 }, hidden, input, logits: () => Promise.reject() };
    const draw = async (seed: number) => (await sampler!.draws([seed]).nextInput(state)) as Float32Array;
    expect(await draw(1)).toEqual(await draw(1));
    expect(await draw(1)).not.toEqual(await draw(2));
    const draws = await Promise.all(Array.from({ length: 400 }, (_, seed) => draw(seed)));
    const deviations = tf.tidy(() => {
      const { deviation, scale } = reasoner.feedback!.predict(tf.tensor2d(hidden, [1, 8]));
      return tf.mul(tf.mul(deviation, scale), 0.5).dataSync();
    });
    for (const [unit, deviation] of deviations.entries()) {
      const found = Math.sqrt(draws.reduce((sum, draw) => sum + draw[unit]! ** 2, 0) / draws.length);
      expect(Math.abs(found / deviation - 1)).toBeLessThan(0.2);
    }
    expect(refusedSampling({ method, sampling: { kind: 'gaussian', deviation: 1 } })).toMatch(/latent head predicts/);
    expect(refusedSampling({ method: createMethod({ name: 'coconut' }), sampling })).toMatch(/has no latent head/);
    expect(refusedSampling({ method, sampling })).toBeUndefined();
  });
});

it('is saved and loaded with its latent head, and not read without', async () => {
  await reasoner.save({ folder });
  const loaded = await Reasoner.load({ folder });
  expect(loaded.feedback!.settings).toEqual({ kind: 'latent-head' });
  const asked = { questions: [example], maxNewTokens: 2 };
  expect(await loaded.think(asked)).toEqual(await reasoner.think(asked));
  loaded.dispose();
  const matrix = FeedbackMap.createMatrix({ width: 8 });
  await matrix.save({ folder });
  matrix.dispose();
  await expect(Reasoner.load({ folder })).rejects.toThrow(/names a latent head, and .* holds a matrix/);
  const path = join(folder, 'subtext.json');
  const { feedback: _, ...settings } = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
  await writeFile(path, JSON.stringify(settings));
  await expect(Reasoner.load({ folder })).rejects.toMatchObject({
    code: 'not-a-reasoner',
    message: expect.stringContaining('names no feedback "latent-head", by which') as string,
  });
});

it.each<[Partial<ReasoningExample>, ColarOptions, RegExp]>([
  [{ steps: [] }, {}, /has no step/],
  [{ steps: [{ text: '1 2 3 4 5 6 7 8' }] }, { maximumTokens: 8 }, /takes 9 tokens in words.*at most 8/],
])('refuses an example that it cannot compress: %j', (own, options, message) => {
  const refusing = createMethod({ ...specification, factors: [2], ...options });
  expect(() => refusing.layout({ example: { ...example, ...own }, phase, context })).toThrow(message);
});

it.each<[ColarOptions, string, RegExp]>([
  [{ factors: [] }, 'invalid-option', /one at least/],
  [{ factors: [2, 2] }, 'invalid-option', /that differ/],
  [{ factors: [1.5] }, 'invalid-option', /whole number of at least 1 as factors/],
  [{ factor: 9 }, 'untrained-factor', /factor 9 was not trained.*1, 2, 3, 4, 5/],
  [{ maximumTokens: 0 }, 'invalid-option', /maximumTokens/],
  [{ latentWeight: -1 }, 'invalid-option', /latentWeight/],
])('refuses %j', (options, code, message) => {
  expect(() => createMethod({ name: 'colar', ...options })).toThrow(
    expect.objectContaining({ code, message: expect.stringMatching(message) as string }),
  );
});
