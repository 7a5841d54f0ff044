import { tf, useEngine } from '@subtext/tensor';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { createModel } from '../create-model';
import { endOfTextIds } from '../generation/end-of-text';
import type { LanguageModel } from '../language-model';
import { loadModel } from '../load-model';
import { resizeEmbeddings } from '../resize-embeddings';
import { saveModel } from './save-model';
import { fixtures, largestDifference } from '../parity/recorded';

const ids = [[3, 4, 5, 6, 7, 8]];

function logits(model: LanguageModel): Float32Array {
  return tf.tidy(() => {
    const { hidden } = model.forward({ embeddings: model.embed(tf.tensor2d(ids, undefined, 'int32')) });
    return model.logits(hidden).dataSync<'float32'>().slice();
  });
}

const configs = {
  gpt2: { model_type: 'gpt2', vocab_size: 32, n_positions: 16, n_embd: 16, n_layer: 2, n_head: 2 },
  llama: {
    model_type: 'llama',
    vocab_size: 32,
    hidden_size: 16,
    intermediate_size: 24,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    max_position_embeddings: 16,
  },
  qwen2: {
    model_type: 'qwen2',
    vocab_size: 32,
    hidden_size: 16,
    intermediate_size: 24,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    num_key_value_heads: 2,
    max_position_embeddings: 16,
    tie_word_embeddings: true,
  },
};

describe('saving', () => {
  let folder: string;
  beforeAll(async () => {
    await useEngine({ engine: 'cpu' });
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'subtext-model-'));
  });
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });
  const readConfig = async () => JSON.parse(await readFile(join(folder, 'config.json'), 'utf8'));

  it.each(Object.entries(configs))('makes, saves and loads a %s', async (_name, config) => {
    const model = createModel({ config, seed: 1 });
    const again = createModel({ config, seed: 1 });
    const other = createModel({ config, seed: 2 });
    expect(logits(again)).toEqual(logits(model));
    expect(logits(other)).not.toEqual(logits(model));
    await saveModel({ model, folder });
    const loaded = await loadModel({ folder });
    expect(logits(loaded)).toEqual(logits(model));
    expect(await readConfig()).toMatchObject({
      ...config,
      torch_dtype: 'float32',
      architectures: [expect.stringContaining('LM')],
    });
    expect((await readdir(folder)).sort()).toEqual(['config.json', 'model.safetensors']);
    for (const each of [model, again, other, loaded]) each.dispose();
  });

  it('draws new weights as their authors do', () => {
    const model = createModel({ config: { ...configs.gpt2, n_embd: 64, vocab_size: 500 }, seed: 1 });
    const deviation = (name: string) =>
      Math.sqrt(tf.tidy(() => tf.moments(model.parameters.get(name)).variance.dataSync()[0] as number));
    expect(deviation('transformer.wte.weight')).toBeCloseTo(0.02, 3);
    expect(deviation('transformer.h.0.mlp.c_fc.weight')).toBeCloseTo(0.02, 3);
    expect(deviation('transformer.h.0.mlp.c_proj.weight')).toBeCloseTo(0.01, 3);
    expect([...model.parameters.get('transformer.h.0.ln_1.weight').dataSync()]).toEqual(new Array(64).fill(1));
    expect([...model.parameters.get('transformer.h.0.mlp.c_fc.bias').dataSync()]).toEqual(new Array(256).fill(0));
    model.dispose();
  });

  it('writes shards with an index, and narrower weights', async () => {
    const model = createModel({ config: configs.llama, seed: 1 });
    await saveModel({ model, folder, maximumShardBytes: 4000, dtype: 'BF16' });
    const files = await readdir(folder);
    expect(files).toContain('model.safetensors.index.json');
    expect(files.filter((name) => name.endsWith('.safetensors')).length).toBeGreaterThan(2);
    expect((await readConfig()).torch_dtype).toBe('bfloat16');
    const loaded = await loadModel({ folder });
    const difference = largestDifference(logits(loaded), logits(model));
    expect(difference).toBeGreaterThan(0);
    expect(difference).toBeLessThan(1e-3);
    model.dispose();
    loaded.dispose();
  });

  it('leaves no mixture with a model that was there before', async () => {
    const first = await loadModel({ folder: `${fixtures}golden/llama3-rope-tied` });
    await saveModel({ model: first, folder });
    first.dispose();
    const second = createModel({ config: configs.gpt2, seed: 1 });
    // A save that breaks off once the weights are there: a folder has the name of the next file.
    await rm(join(folder, 'generation_config.json'));
    await mkdir(join(folder, 'generation_config.json', 'x'), { recursive: true });
    await expect(saveModel({ model: second, folder })).rejects.toThrow();
    await expect(loadModel({ folder })).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('config.json'),
    });
    await rm(join(folder, 'generation_config.json'), { recursive: true });
    await writeFile(join(folder, 'generation_config.json'), '{"eos_token_id": 7}');
    await saveModel({ model: second, folder });
    expect((await readdir(folder)).sort()).toEqual(['config.json', 'model.safetensors']);
    const loaded = await loadModel({ folder });
    expect(logits(loaded)).toEqual(logits(second));
    second.dispose();
    loaded.dispose();
  });

  it('keeps what it does not use: generation_config.json and every key of the config', async () => {
    const source = `${fixtures}golden/llama3-rope-tied`;
    const model = await loadModel({ folder: source });
    await saveModel({ model, folder });
    for (const name of ['config.json', 'generation_config.json']) {
      expect(JSON.parse(await readFile(join(folder, name), 'utf8'))).toEqual(
        JSON.parse(await readFile(join(source, name), 'utf8')),
      );
    }
    expect(endOfTextIds({ model })).toEqual([2]);
    model.generationConfig = { eos_token_id: [5, 6] };
    expect(endOfTextIds({ model })).toEqual([5, 6]);
    model.dispose();
  });

  it.each(Object.entries(configs))(
    'gives a %s new tokens that start at the mean, or as a copy',
    async (_name, config) => {
      const model = createModel({ config, seed: 1 });
      const before = logits(model);
      resizeEmbeddings({ model, vocabularySize: 34, initialisation: 'mean' });
      const after = logits(model);
      for (let row = 0; row < 6; row++)
        expect(
          largestDifference(after.slice(row * 34, row * 34 + 32), before.slice(row * 32, (row + 1) * 32)),
        ).toBeLessThan(1e-6);
      const table = model.tokenEmbedding.weight.value.dataSync();
      const column = Array.from({ length: 32 }, (_, id) => table[id * 16 + 5] as number);
      expect(table[33 * 16 + 5]).toBeCloseTo(column.reduce((sum, value) => sum + value, 0) / 32, 6);
      resizeEmbeddings({ model, vocabularySize: 35, initialisation: { copyOf: 7 } });
      const grown = model.tokenEmbedding.weight.value.dataSync();
      expect(grown.slice(34 * 16)).toEqual(grown.slice(7 * 16, 8 * 16));
      await saveModel({ model, folder });
      expect((await readConfig()).vocab_size).toBe(35);
      const loaded = await loadModel({ folder });
      expect(loaded.dimensions.vocabularySize).toBe(35);
      expect(logits(loaded)).toEqual(logits(model));
      expect(() => resizeEmbeddings({ model, vocabularySize: 30 })).toThrow(/grow, not shrink/);
      expect(() => resizeEmbeddings({ model, vocabularySize: 40, initialisation: { copyOf: 35 } })).toThrow(
        /no token 35/,
      );
      model.dispose();
      loaded.dispose();
    },
  );
});
