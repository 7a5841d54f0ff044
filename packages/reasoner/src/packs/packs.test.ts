import { writeFile, mkdtemp, rm, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { createModel, generate, type LanguageModel } from '@subtext/model';
import { writeSafetensors } from '@subtext/safetensors';
import { RandomStream, tf, useEngine } from '@subtext/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { documentPack } from './document-pack';
import type { KnowledgePack } from './knowledge-pack';
import { modelFingerprint } from './model-fingerprint';
import { loadPack, savePack } from './pack-file';
import { PackedModel } from './packed-model';

const sizes = { vocab_size: 40, hidden_size: 16, num_hidden_layers: 2, num_attention_heads: 4 };
const rotary = { ...sizes, intermediate_size: 24, num_key_value_heads: 2, max_position_embeddings: 64 };
const configs = {
  gpt2: { model_type: 'gpt2', vocab_size: 40, n_embd: 16, n_layer: 2, n_head: 4, n_positions: 64 },
  llama: { model_type: 'llama', ...rotary },
  qwen3: { model_type: 'qwen3', ...rotary, head_dim: 4 },
  gemma2: { model_type: 'gemma2', ...rotary, head_dim: 4, query_pre_attn_scalar: 4, sliding_window: 32 },
};
const random = new RandomStream({ seed: 3 });
const draw = (count: number) => Array.from({ length: count }, () => random.integer(40));
const document = draw(11);
const other = draw(9);
const question = draw(4);

let folder: string;
let model: LanguageModel;
beforeAll(async () => {
  await useEngine({ engine: 'wasm' });
  folder = await mkdtemp(join(tmpdir(), 'subtext-packs-'));
  model = createModel({ config: { ...configs.llama, initializer_range: 0.5 }, seed: 1 });
});
afterAll(async () => {
  model.dispose();
  await rm(folder, { recursive: true, force: true });
});

const idsTensor = (rows: readonly number[][]) => tf.tensor2d(rows as number[][], undefined, 'int32');

/** Logits of the last positions of one row, in one pass. */
function lastLogits({ of, ids, count, mask }: { of: LanguageModel; ids: number[]; count: number; mask?: number[] }) {
  return tf.tidy(() => {
    const { hidden } = of.forward({
      embeddings: of.embed(idsTensor([ids])),
      outputPositions: count,
      mask: mask && idsTensor([mask]),
    });
    return of.logits(hidden).dataSync() as Float32Array;
  });
}

function largestDifference(first: Float32Array, second: Float32Array): number {
  expect(first.length).toBe(second.length);
  return first.reduce((most, value, index) => Math.max(most, Math.abs(value - second[index]!)), 0);
}

async function packed(pack: KnowledgePack | KnowledgePack[], of = model): Promise<PackedModel> {
  return PackedModel.open({ model: of, packs: Array.isArray(pack) ? pack : [pack] });
}

describe.each(Object.entries(configs))('a %s with a pack of the whole document', (_, config) => {
  it.each(['cache', 'thoughts'] as const)('gives the logits that it gives after the document (%s)', async (form) => {
    const own = createModel({ config: { ...config, initializer_range: 0.5 }, seed: 2 });
    const behind = await packed(await documentPack({ model: own, ids: document, form }), own);
    const text = lastLogits({ of: own, ids: [...document, ...question], count: 4 });
    expect(largestDifference(lastLogits({ of: behind, ids: question, count: 4 }), text)).toBeLessThan(1e-5);
    // Padding on the left, which counts for nothing.
    const padded = lastLogits({ of: behind, ids: [0, 0, ...question], count: 4, mask: [0, 0, 1, 1, 1, 1] });
    expect(largestDifference(padded, text)).toBeLessThan(1e-5);
    const options = { maxNewTokens: 6, stopIds: [] };
    const whole = await generate({
      model: own,
      inputs: [
        [...document, ...question],
        [...document, 7],
      ],
      ...options,
    });
    const short = await generate({ model: behind, inputs: [question, [7]], ...options });
    expect(short.ids).toEqual(whole.ids);
    behind.dispose();
  });
});

describe('packs', () => {
  it('keep evenly chosen rows, the first among them, and what follows takes the positions behind the document', async () => {
    const pack = await documentPack({ model, ids: document, positions: 3, documents: ['a.txt'], seed: 5 });
    expect([...pack.places]).toEqual([0, 3, 7]);
    expect(pack).toMatchObject({ span: 11, documents: ['a.txt'], seed: 5, steps: 0, form: 'cache' });
    const behind = await packed(pack);
    expect(behind.rows).toBe(3);
    expect(behind.dimensions.maxPositions).toBe(64 - 11);
    behind.disposePacks();
  });

  it('of several documents stand beside each other, in any order', async () => {
    const packs = [
      await documentPack({ model, ids: document, positions: 4 }),
      await documentPack({ model, ids: other, positions: 3, form: 'thoughts' }),
    ];
    const both = await packed(packs);
    const turned = await packed([...packs].reverse());
    const one = await packed(packs[0]!);
    const logits = [both, turned, one].map((of) => lastLogits({ of, ids: question, count: 1 }));
    expect(largestDifference(logits[0]!, logits[1]!)).toBeLessThan(1e-5);
    expect(largestDifference(logits[0]!, logits[2]!)).toBeGreaterThan(1e-3);
    for (const of of [both, turned, one]) of.disposePacks();
  });

  it('pass gradients to their rows, right to the second order of differences, and to nothing of a frozen model', async () => {
    const own = createModel({ config: { ...configs.llama, initializer_range: 0.5 }, seed: 4 });
    own.parameters.freeze();
    for (const form of ['cache', 'thoughts'] as const) {
      const pack = await documentPack({ model: own, ids: document, positions: 3, form });
      const behind = await PackedModel.open({ model: own, packs: [pack], trainable: true });
      const { parameters } = behind.packs[0]!;
      expect(parameters.map(({ name }) => name)).toEqual(
        form === 'cache' ? ['pack/keys.0', 'pack/values.0', 'pack/keys.1', 'pack/values.1'] : ['pack/vectors'],
      );
      const loss = () =>
        tf.tidy(() => {
          const { hidden } = behind.forward({ embeddings: own.embed(idsTensor([question, question])) });
          return tf.sum(tf.sin(own.logits(hidden))) as tf.Scalar;
        });
      const { value, grads } = tf.variableGrads(loss);
      value.dispose();
      expect(Object.keys(grads).length).toBe(parameters.length);
      for (const { variable } of parameters) {
        const gradient = grads[variable.name]!.dataSync<'float32'>();
        const before = variable.dataSync<'float32'>().slice();
        for (const index of [1, before.length - 2]) {
          const at = (shift: number) => {
            const moved = before.slice();
            moved[index]! += shift;
            tf.tidy(() => variable.assign(tf.tensor(moved, variable.shape)));
            return tf.tidy(() => loss().dataSync()[0]!);
          };
          const slope = (at(0.005) - at(-0.005)) / 0.01;
          at(0);
          expect(Math.abs(gradient[index]! - slope)).toBeLessThan(0.02 * Math.max(1, Math.abs(slope)));
        }
      }
      tf.dispose(grads);
      behind.disposePacks();
    }
    own.dispose();
  });

  it('leave no tensors behind', async () => {
    const pack = await documentPack({ model, ids: document, positions: 3 });
    const before = tf.memory().numTensors;
    const behind = await packed(pack);
    await generate({ model: behind, inputs: [question, [1]], maxNewTokens: 3 });
    lastLogits({ of: behind, ids: question, count: 1 });
    behind.disposePacks();
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('pack files', () => {
  it('come back as they were', async () => {
    for (const form of ['cache', 'thoughts'] as const) {
      const pack = await documentPack({
        model,
        ids: document,
        positions: 4,
        form,
        documents: ['a.md', 'b.md'],
        seed: 2,
      });
      const path = join(folder, `${form}.safetensors`);
      await savePack({ path, pack });
      expect(await loadPack({ path })).toEqual(pack);
    }
  });

  it('are refused where they are missing, cut short, or something else', async () => {
    const path = join(folder, 'broken.safetensors');
    const refused = { name: 'ReasonerError', code: 'not-a-pack' };
    await expect(loadPack({ path })).rejects.toMatchObject(refused);
    await savePack({ path, pack: await documentPack({ model, ids: document }) });
    const bytes = await readFile(path);
    for (const length of [0, 7, 100, bytes.length - 1]) {
      await writeFile(path, bytes.subarray(0, length));
      await expect(loadPack({ path })).rejects.toMatchObject(refused);
    }
    const tensors = { 'keys.0': { dtype: 'F32' as const, shape: [1, 2], data: Float32Array.of(1, NaN) } };
    const record = {
      format: 1,
      form: 'cache',
      model: 'a'.repeat(64),
      places: [0],
      span: 3,
      documents: [],
      seed: 0,
      steps: 0,
    };
    for (const metadata of [
      undefined,
      { 'subtext-pack': '{' },
      { 'subtext-pack': '{}' },
      { 'subtext-pack': JSON.stringify({ ...record, format: 2 }) },
      { 'subtext-pack': JSON.stringify({ ...record, places: [0, 0] }) },
      { 'subtext-pack': JSON.stringify({ ...record, places: [3] }) },
      { 'subtext-pack': JSON.stringify({ ...record, places: [0, 1] }) },
      { 'subtext-pack': JSON.stringify(record) },
    ]) {
      await writeSafetensors({ path, tensors, metadata });
      await expect(loadPack({ path })).rejects.toMatchObject(refused);
    }
  });
});

describe('what no pack can be made of, or used with', () => {
  const refusal = (code: string) => ({ name: 'ReasonerError', code });

  it('refuses empty and overlong documents, and more rows than they have', async () => {
    await expect(documentPack({ model, ids: [] })).rejects.toMatchObject(refusal('empty-document'));
    await expect(documentPack({ model, ids: draw(64) })).rejects.toMatchObject(refusal('example-too-long'));
    for (const positions of [0, 12, 1.5, NaN])
      await expect(documentPack({ model, ids: document, positions })).rejects.toMatchObject(refusal('invalid-option'));
  });

  it('refuses packs of other models and widths, none, and the same twice', async () => {
    const pack = await documentPack({ model, ids: document, positions: 2 });
    await expect(packed([pack, pack])).rejects.toMatchObject(refusal('invalid-option'));
    await expect(packed([])).rejects.toMatchObject(refusal('invalid-option'));
    const strangers = [
      { ...configs.llama, initializer_range: 0.5 },
      { ...configs.llama, hidden_size: 32 },
      { ...configs.llama, num_hidden_layers: 1 },
    ].map((config) => createModel({ config, seed: 9 }));
    for (const stranger of strangers) {
      await expect(packed(pack, stranger)).rejects.toMatchObject(refusal('pack-mismatch'));
      stranger.dispose();
    }
  });

  it('refuses a question that has no room behind the document', async () => {
    const pack = await documentPack({ model, ids: draw(60), positions: 2 });
    const behind = await packed(pack);
    await expect(generate({ model: behind, inputs: [draw(5)], maxNewTokens: 1 })).rejects.toMatchObject({
      code: 'too-many-positions',
    });
    behind.disposePacks();
  });

  it('tells models apart by their weights', async () => {
    const [first, same, another] = [1, 1, 2].map((seed) => createModel({ config: configs.gpt2, seed }));
    expect(await modelFingerprint(same!)).toBe(await modelFingerprint(first!));
    expect(await modelFingerprint(another!)).not.toBe(await modelFingerprint(first!));
    for (const one of [first!, same!, another!]) one.dispose();
  });
});
