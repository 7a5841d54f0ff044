import { addLora, mergeLora } from '@subtext/nn';
import {
  AdamW,
  describeEngines,
  isStored,
  tf,
  useEngine,
  valueAndGradients,
  weightDtype,
  type WeightDtype,
} from '@subtext/tensor';
import { copyFile, mkdtemp, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createModel } from './create-model';
import { generate } from './generation/generate';
import type { LanguageModel } from './language-model';
import { loadModel } from './load-model';
import { saveModel } from './saving/save-model';
import { nextTokenLoss } from './training/next-token-loss';

const present = (await describeEngines()).some(({ name, loads }) => name === 'native' && loads);

/** Widths that are no multiples of a block, grouped heads, an output layer of its own; then tied, packed, `[in, out]`. */
const configs = {
  llama: {
    model_type: 'llama',
    vocab_size: 37,
    hidden_size: 72,
    intermediate_size: 100,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    max_position_embeddings: 32,
    initializer_range: 0.15,
  },
  gpt2: {
    model_type: 'gpt2',
    vocab_size: 37,
    n_embd: 72,
    n_layer: 2,
    n_head: 4,
    n_positions: 32,
    initializer_range: 0.15,
  },
};
const ids = [
  [3, 4, 5, 6, 7, 8],
  [9, 8, 7, 3, 2, 1],
];

function logits(model: LanguageModel): Float32Array {
  return tf.tidy(() => {
    const { hidden } = model.forward({ embeddings: model.embed(tf.tensor2d(ids, undefined, 'int32')) });
    return model.logits(hidden).dataSync<'float32'>().slice();
  });
}

const apart = (one: Float32Array, other: Float32Array) =>
  one.reduce((most, value, index) => Math.max(most, Math.abs(value - other[index]!)), 0);

function lossAndGradients(model: LanguageModel) {
  return valueAndGradients({
    parameters: model.parameters,
    compute: () => {
      const { hidden } = model.forward({ embeddings: model.embed(tf.tensor2d(ids, undefined, 'int32')) });
      const { sum, count } = nextTokenLoss({ model, hidden, labels: ids });
      return tf.div(sum, count);
    },
  });
}

describe.skipIf(!present)('weights in fewer bits', () => {
  const folders: Record<string, string> = {};
  let root = '';
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'subtext-dtypes-'));
    await useEngine({ engine: 'native' });
    for (const [family, config] of Object.entries(configs)) {
      for (const dtype of ['F32', 'F16'] as const) {
        const model = createModel({ config, seed: 1 });
        await saveModel({ model, folder: (folders[`${family} ${dtype}`] = join(root, family + dtype)), dtype });
        model.dispose();
      }
    }
  });
  afterAll(async () => rm(root, { recursive: true }));

  /** The model, and a float32 one of the numbers that its weights stand for. */
  async function pair(folder: string, dtype: WeightDtype) {
    const model = await loadModel({ folder, dtype });
    const wide = await loadModel({ folder });
    for (const [name, variable] of model.parameters.entries())
      tf.tidy(() => wide.parameters.get(name).assign(tf.tensor(variable.dataSync(), variable.shape)));
    return { model, wide };
  }

  describe.each(Object.keys(configs))('%s', (family) => {
    it.each(['bf16', 'f16', 'int8', 'int4'] as const)('%s computes what its widened weights compute', async (dtype) => {
      const before = tf.memory().numTensors;
      const { model, wide } = await pair(folders[`${family} ${dtype === 'f16' ? 'F16' : 'F32'}`]!, dtype);
      const [own, other] = [logits(model), logits(wide)];
      expect(apart(own, other)).toBeLessThan(1e-5);
      const texts = [];
      for (const one of [model, wide]) texts.push(await generate({ model: one, inputs: ids, maxNewTokens: 12 }));
      expect(texts[0]).toEqual(texts[1]);
      const dtypes = new Set([...model.structure.linearLayers.values()].map(({ weight }) => weightDtype(weight.value)));
      expect([...dtypes]).toContain(dtype);
      expect(weightDtype(model.tokenEmbedding.weight.value)).toBe(dtype === 'int4' ? 'int8' : dtype);
      expect(model.parameters.byteLength).toBeLessThan(0.7 * wide.parameters.byteLength);
      model.dispose();
      wide.dispose();
      expect(tf.memory().numTensors).toBe(before);
    });

    it('trains an adapter over 4 bits, with the gradients of the widened weights', async () => {
      const { model, wide } = await pair(folders[`${family} F32`]!, 'int4');
      for (const one of [model, wide]) addLora({ model: one, rank: 4, seed: 3 });
      const [own, other] = [lossAndGradients(model), lossAndGradients(wide)];
      expect(Object.keys(own.gradients).length).toBeGreaterThan(3);
      for (const [name, gradient] of Object.entries(own.gradients))
        expect(
          apart(gradient.dataSync() as Float32Array, other.gradients[name]!.dataSync() as Float32Array),
        ).toBeLessThan(1e-5);
      tf.dispose([own.value, ...Object.values(own.gradients), other.value, ...Object.values(other.gradients)]);

      const held = [...model.structure.linearLayers.values()][0]!.weight.value;
      const start = held.dataSync().slice();
      const optimizer = new AdamW({ parameters: model.parameters, learningRate: 0.02 });
      const losses: number[] = [];
      for (let step = 0; step < 40; step++) {
        const { value, gradients } = lossAndGradients(model);
        losses.push(value.dataSync()[0]!);
        optimizer.step({ gradients });
        tf.dispose([value, ...Object.values(gradients)]);
      }
      expect(losses.at(-1)!).toBeLessThan(0.3 * losses[0]!);
      expect(weightDtype(held)).toBe('int4');
      expect(held.dataSync()).toEqual(start);
      // Merged, the weights are float32, and compute the same.
      if (family === 'llama') {
        const apartFrom = logits(model);
        mergeLora({ model });
        expect(apart(logits(model), apartFrom)).toBeLessThan(1e-4);
        expect([isStored(held), weightDtype(held)]).toEqual([true, 'float32']);
      }
      optimizer.dispose();
      model.dispose();
      wide.dispose();
    });
  });

  it('are given back: a hundred models leave nothing', async () => {
    const folder = folders['llama F32']!;
    (await loadModel({ folder, dtype: 'int4' })).dispose();
    const [tensors, resident] = [tf.memory().numTensors, process.memoryUsage().rss];
    for (let round = 0; round < 100; round++) (await loadModel({ folder, dtype: 'int4' })).dispose();
    expect(tf.memory().numTensors).toBe(tensors);
    expect(process.memoryUsage().rss - resident).toBeLessThan(64 * 2 ** 20);
  });

  describe('refuse', () => {
    const refused = async (options: Partial<Parameters<typeof loadModel>[0]>) => {
      const before = tf.memory().numTensors;
      const error = (await loadModel({ folder: folders['llama F32']!, ...options }).catch(
        (thrown: unknown) => thrown,
      )) as Error & {
        code: string;
      };
      expect(error).toBeInstanceOf(Error);
      expect(tf.memory().numTensors).toBe(before);
      return error;
    };

    it('a dtype that there is not, or that the file does not hold', async () => {
      expect((await refused({ dtype: 'int2' as 'int4' })).message).toMatch(
        /unknown dtype "int2"; expected one of float32, bf16/,
      );
      expect(await refused({ dtype: 'f16' })).toMatchObject({
        code: 'unsupported-dtype',
        message: expect.stringMatching(/weight: dtype f16 takes weights as they are in the file, where these are F32/),
      });
    });

    it('to train', async () => {
      expect(await refused({ dtype: 'int4', trainable: true })).toMatchObject({
        code: 'unsupported-dtype',
        message: expect.stringMatching(/int4 are not trainable.*addLora/),
      });
      const model = await loadModel({ folder: folders['llama F32']!, dtype: 'int8' });
      expect(() => model.parameters.unfreeze()).toThrow(/is stored as int8 and cannot train/);
      model.dispose();
    });

    it('a file that was cut short, and one too large for the budget', async () => {
      const folder = await mkdtemp(join(root, 'short'));
      for (const file of ['config.json', 'model.safetensors'])
        await copyFile(join(folders['llama F32']!, file), join(folder, file));
      await truncate(join(folder, 'model.safetensors'), 200_000);
      expect((await refused({ folder, dtype: 'int4' })).message).toMatch(/model\.safetensors/);
      expect((await refused({ dtype: 'int8', memoryBudget: 50_000 })).message).toMatch(/weights need 0\.0 GiB, and/);
    });

    it('an engine that has no such weights, by name', async () => {
      await useEngine({ engine: 'wasm' });
      expect(await refused({ dtype: 'int8' })).toMatchObject({
        code: 'unsupported-dtype',
        message: expect.stringMatching(/wasm cannot store weights as int8, only as float32\. Use the engine native/),
      });
      await useEngine({ engine: 'native' });
    });
  });
});
