import type { ReasoningExample } from '@subtext/data';
import { createModel, saveModel } from '@subtext/model';
import { visibilityConfiguration } from '@subtext/reasoner';
import { writeSafetensors } from '@subtext/safetensors';
import { tf, useEngine } from '@subtext/tensor';
import { trainWordLevelTokenizer } from '@subtext/tokenizer';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { StartingRun } from './new-reasoner';
import { openReasoner } from './open-reasoner';

const stages = ['summary', 'caption', 'reasoning'];
const answersOnly: ReasoningExample[] = [{ id: 'a', question: 'what is there ?', steps: [], answer: 'a cross' }];
let folder: string;

/** What a model that writes chains will be given. */
const further: ReasoningExample[] = [
  {
    id: 'b',
    question: 'what colour ?',
    steps: [
      { name: 'summary', text: 'look' },
      { name: 'caption', text: 'a red cross' },
      { name: 'reasoning', text: 'it is red' },
    ],
    answer: 'red',
  },
];

const open = (run: Pick<StartingRun, 'model' | 'method'> & Partial<StartingRun>) =>
  openReasoner({
    stages,
    reasoningFormat: 'tagged',
    seed: 1,
    examples: answersOnly,
    vocabulary: [],
    memory: { partly: false, shards: 2, workers: 0 },
    ...run,
  });

beforeAll(async () => {
  await useEngine({ engine: 'wasm' });
  folder = await mkdtemp(join(tmpdir(), 'subtext-open-'));
});
afterAll(async () => rm(folder, { recursive: true, force: true }));

it('a base model that learns from answers alone knows the tags of the chains that it will write later', async () => {
  const small = {
    model_type: 'llama',
    hidden_size: 8,
    intermediate_size: 8,
    num_hidden_layers: 1,
    num_attention_heads: 1,
    max_position_embeddings: 32,
  };
  const { reasoner: base } = await open({
    model: { new: small },
    method: { name: 'no-cot' },
    stages: [],
    vocabulary: further,
  });
  for (const stage of stages)
    for (const tag of [`<${stage.toUpperCase()}>`, `</${stage.toUpperCase()}>`])
      expect(base.tokenizer.has(tag), tag).toBe(true);
  base.dispose();

  // One that was made without: the tags come with the training that needs them, instead of being read as unknown words.
  const { reasoner: bare } = await open({ model: { new: small }, method: { name: 'no-cot' }, stages: [] });
  expect(bare.tokenizer.has('<CAPTION>')).toBe(false);
  await bare.save({ folder: join(folder, 'bare') });
  bare.dispose();
  const { reasoner: later } = await open({ model: { from: join(folder, 'bare') }, method: { name: 'cot' } });
  expect(later.tokenizer.encode('<CAPTION>', { addSpecialTokens: false }).ids).toEqual([
    later.tokenizer.idOf('<CAPTION>'),
  ]);
  expect(later.model.dimensions.vocabularySize).toBe(later.tokenizer.vocabularySize);
  later.dispose();
});

it('a Hugging Face folder becomes a reasoner: its own beginning and end, tags and thinking tokens added', async () => {
  const tokenizer = trainWordLevelTokenizer({
    texts: ['what is there ? a red cross look it is red'],
    specialTokens: [],
  });
  const model = createModel({
    config: {
      model_type: 'gpt2',
      vocab_size: tokenizer.vocabularySize,
      n_positions: 48,
      n_embd: 8,
      n_layer: 1,
      n_head: 2,
      eos_token_id: tokenizer.endId,
    },
    seed: 2,
  });
  await saveModel({ model, folder: join(folder, 'checkpoint') });
  await tokenizer.save({ folder: join(folder, 'checkpoint') });
  const own = model.parameters.get('transformer.h.0.mlp.c_fc.weight').dataSync();
  const { reasoner } = await open({ model: { from: join(folder, 'checkpoint') }, method: { name: 'heima' } });
  expect(reasoner.settings).toMatchObject({
    method: { name: 'heima' },
    stages,
    hiddenStages: [],
    endToken: '</s>',
    thoughtReading: 'before',
  });
  expect(reasoner.settings.image).toBeUndefined();
  for (const token of ['<CAPTION>', '</REASONING>', '<THINKING_OF_SUMMARY>'])
    expect(reasoner.tokenizer.has(token), token).toBe(true);
  expect(reasoner.model.dimensions.vocabularySize).toBe(reasoner.tokenizer.vocabularySize);
  expect([...reasoner.model.parameters.get('transformer.h.0.mlp.c_fc.weight').dataSync()]).toEqual([...own]);
  const [prompt] = reasoner.prompts([{ question: 'what is there ?' }]);
  expect(prompt).toEqual([
    ...tokenizer.encode('').ids,
    ...tokenizer.encode('what is there ?', { addSpecialTokens: false }).ids,
  ]);
  const [answer] = await reasoner.think({ questions: [{ question: 'what is there ?' }], maxNewTokens: 3 });
  expect(answer!.tokens.generated).toBeGreaterThan(0);
  reasoner.dispose();
  model.dispose();
});

it('a reasoner keeps its visibility: by name, as a table, and where training goes on from it', async () => {
  const small = {
    model_type: 'llama',
    hidden_size: 8,
    intermediate_size: 8,
    num_hidden_layers: 1,
    num_attention_heads: 1,
    max_position_embeddings: 64,
  };
  const seeing = (model: StartingRun['model'], visibility?: StartingRun['visibility']) =>
    open({ model, method: { name: 'heima' }, visibility });
  const { reasoner: chain } = await seeing({ new: small }, 'chain');
  const table = chain.settings.visibility;
  // Without pictures the caption has the question alone.
  expect(table).toMatchObject({ caption: ['question'], answer: ['previous'] });
  await chain.save({ folder: join(folder, 'chain') });
  chain.dispose();
  const from = { from: join(folder, 'chain') };
  for (const [visibility, expected] of [
    [undefined, table],
    ['all', undefined],
    [{ answer: ['steps'] }, { answer: ['steps'] }],
  ] as const) {
    const { reasoner } = await seeing(from, visibility);
    expect(reasoner.settings.visibility).toEqual(expected);
    reasoner.dispose();
  }
  await expect(seeing({ new: small }, { answer: ['plan'] })).rejects.toMatchObject({ code: 'unknown-role' });
  await expect(seeing({ new: small }, { answer: [] })).rejects.toMatchObject({ code: 'blind-answer' });
  for (const odd of ['chains', { answer: 'reasoning' }, 7])
    expect(visibilityConfiguration.safeParse(odd).success).toBe(false);
});

describe('what an earlier run left', () => {
  const small = {
    model_type: 'llama',
    hidden_size: 8,
    intermediate_size: 8,
    num_hidden_layers: 1,
    num_attention_heads: 1,
    max_position_embeddings: 64,
  };

  it('thoughts are read where the interpreters of this run learn to read them', async () => {
    const from = join(folder, 'read-before');
    const { reasoner: earlier } = await open({ model: { new: small }, method: { name: 'cot' } });
    expect(earlier.settings.thoughtReading).toBe('before');
    await earlier.save({ folder: from });
    earlier.dispose();
    const readingOf = async (interpreters?: StartingRun['interpreters']) => {
      const { reasoner } = await open({ model: { from }, method: { name: 'heima' }, interpreters });
      reasoner.dispose();
      return reasoner.settings.thoughtReading;
    };
    expect(await readingOf()).toBe('before');
    expect(await readingOf({ reading: 'at' })).toBe('at');
  });

  it('goes on with the matrix that it learnt; a method without one drops it; a projection is refused', async () => {
    const from = join(folder, 'fed-back');
    const method = { name: 'heima' as const, feedBack: true };
    const { reasoner: earlier } = await open({ model: { new: small }, method });
    const matrix = earlier.feedback!.parameters.get('matrix.weight');
    matrix.assign(tf.fill(matrix.shape, 0.25));
    await earlier.save({ folder: from });
    earlier.dispose();
    const { reasoner: next } = await open({ model: { from }, method });
    expect([...next.feedback!.parameters.get('matrix.weight').dataSync()]).toEqual(new Array(64).fill(0.25));
    next.dispose();
    const before = tf.memory().numTensors;
    const { reasoner: plain } = await open({ model: { from }, method: { name: 'heima' } });
    expect(plain.feedback).toBeUndefined();
    expect(plain.settings.feedback).toBeUndefined();
    plain.dispose();
    expect(tf.memory().numTensors).toBe(before);

    const layer = (name: string) => ({
      [`${name}.weight`]: { dtype: 'F32' as const, shape: [8, 8], data: new Float32Array(64) },
      [`${name}.bias`]: { dtype: 'F32' as const, shape: [8], data: new Float32Array(8) },
    });
    await writeSafetensors({
      path: join(from, 'feedback.safetensors'),
      tensors: { ...layer('hidden'), ...layer('output') },
    });
    await expect(open({ model: { from }, method: { name: 'codi' } })).rejects.toMatchObject({
      code: 'invalid-option',
      message: expect.stringMatching(/go through a projection before they are fed back, which training does not take/),
    });
    expect(tf.memory().numTensors).toBe(before);
  });
});
