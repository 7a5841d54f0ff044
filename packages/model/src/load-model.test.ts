import { ModelFolderError } from '@subtext/nn';
import { openSafetensors, writeSafetensors, type TensorToWrite } from '@subtext/safetensors';
import { tf, useEngine } from '@subtext/tensor';
import { loadTokenizer, trainWordLevelTokenizer } from '@subtext/tokenizer';
import { execFileSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { createModel } from './create-model';
import type { LanguageModel } from './language-model';
import { loadModel } from './load-model';
import { fixtures } from './parity/recorded';

describe('loadModel', () => {
  let folder: string;
  beforeAll(async () => {
    await useEngine({ engine: 'cpu' });
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'subtext-load-'));
  });
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  /** Copies a fixture with changes to its config and its tensors. */
  async function changed(
    name: string,
    {
      config = {},
      tensors = (all) => all,
    }: {
      config?: Record<string, unknown>;
      tensors?: (all: Record<string, TensorToWrite>) => Record<string, TensorToWrite>;
    },
  ): Promise<void> {
    const source = `${fixtures}${name}`;
    await cp(source, folder, { recursive: true });
    const original = JSON.parse(await readFile(join(source, 'config.json'), 'utf8'));
    await writeFile(join(folder, 'config.json'), JSON.stringify({ ...original, ...config }));
    const file = await openSafetensors({ path: join(source, 'model.safetensors') });
    const all: Record<string, TensorToWrite> = {};
    for (const tensor of file.names) all[tensor] = await file.read(tensor);
    await file.close();
    await writeSafetensors({ path: join(folder, 'model.safetensors'), tensors: tensors(all) });
  }

  async function refusal(): Promise<ModelFolderError> {
    const before = tf.memory().numTensors;
    const error = await loadModel({ folder }).then(
      () => null,
      (thrown) => thrown,
    );
    expect(error).toBeInstanceOf(ModelFolderError);
    expect(tf.memory().numTensors, 'a refused model leaves no tensors').toBe(before);
    return error;
  }

  it('takes an id of the hub for a folder, as the tokenizer does: here from the cache', async () => {
    const commit = 'a'.repeat(40);
    const repository = join(folder, 'models--org--tiny');
    const snapshot = join(repository, 'snapshots', commit);
    await mkdir(join(repository, 'refs'), { recursive: true });
    await writeFile(join(repository, 'refs', 'main'), commit);
    await cp(`${fixtures}golden/llama`, snapshot, { recursive: true });
    const tokenizer = trainWordLevelTokenizer({ texts: ['cat sees dog'] });
    await tokenizer.save({ folder: snapshot });
    const hub = { cacheFolder: folder, environment: { HF_HUB_OFFLINE: '1' } };
    const model = await loadModel({ folder: 'org/tiny', hub });
    expect(model.modelType).toBe('llama');
    model.dispose();
    const loaded = await loadTokenizer({ folder: 'org/tiny', hub });
    expect(loaded.encode('cat sees').ids).toEqual(tokenizer.encode('cat sees').ids);
    await expect(loadModel({ folder: 'org/absent', hub })).rejects.toMatchObject({ code: 'offline' });
    await expect(loadModel({ folder: join(folder, 'absent') })).rejects.toMatchObject({ code: 'not-found' });
  });

  it('refuses an unknown model_type by name', async () => {
    await changed('variants/gpt2-relu', { config: { model_type: 'mamba' } });
    expect(await refusal()).toMatchObject({
      code: 'unsupported-model-type',
      message: expect.stringMatching(/"mamba".*gpt2.*llama.*qwen2/),
    });
  });

  it.each([
    ['variants/gpt2-relu', { add_cross_attention: true }, /add_cross_attention: true is not supported; only false is/],
    [
      'variants/gpt2-relu',
      { activation_function: 'mish', n_head: 'four' },
      /n_head.*activation_function: the activation "mish"/s,
    ],
    ['variants/gpt2-relu', { attention_softcap: 30 }, /attention_softcap: 30 is not a setting that Subtext knows/],
    [
      'variants/llama-yarn',
      { rope_parameters: { rope_type: 'proportional', factor: 2, rope_theta: 1e4 } },
      /rope_type "proportional" is not supported/,
    ],
    [
      'variants/llama-yarn',
      { rope_parameters: { rope_type: 'yarn', factor: 2, rope_theta: 1e4, partial_rotary_factor: 0.5 } },
      /partial_rotary_factor 0.5/,
    ],
    ['variants/llama-yarn', { rope_parameters: { rope_type: 'linear', rope_theta: 1e4 } }, /needs "factor"/],
    ['variants/llama-yarn', { quantization_config: { bits: 4 } }, /quantization_config/],
    ['variants/llama-yarn', { num_key_value_heads: 3 }, /4 attention heads cannot share 3/],
    ['variants/llama-yarn', { head_dim: 5 }, /head_dim 5 is odd/],
    ['variants/gpt2-relu', { n_head: 5 }, /n_embd 24 is not a multiple of n_head 5/],
    [
      'variants/qwen2-untied-yarn',
      { layer_types: ['full_attention', 'sliding_attention'] },
      /sliding_attention need a "sliding_window"/,
    ],
    ['variants/qwen2-untied-yarn', { use_sliding_window: true, sliding_window: 0.5 }, /sliding_window is 0.5/],
    ['variants/qwen2-untied-yarn', { layer_types: ['full_attention'] }, /names 1 layers where num_hidden_layers is 2/],
    ['variants/qwen2-untied-yarn', { layer_types: ['full_attention', 'chunked_attention'] }, /chunked_attention/],
  ])('refuses what %s cannot honour: %j', async (name, config, message) => {
    await changed(name, { config });
    expect((await refusal()).message).toMatch(message);
  });

  it('accepts keys that change nothing, and unknown ones that are unset', async () => {
    await changed('variants/llama-yarn', {
      config: { _name_or_path: 'x', use_cache: false, torch_dtype: 'bfloat16', made_up: null, pretraining_tp: 2 },
    });
    (await loadModel({ folder })).dispose();
    await changed('variants/qwen2-untied-yarn', {
      config: { use_sliding_window: true, sliding_window: 8, max_window_layers: 2, layer_types: null },
    });
    (await loadModel({ folder })).dispose();
  });

  it('names tensors that are missing, unexpected or of the wrong shape', async () => {
    const layer = 'model.layers.1.self_attn.k_proj.weight';
    await changed('variants/llama-yarn', { tensors: ({ [layer]: _, ...rest }) => rest });
    expect(await refusal()).toMatchObject({ code: 'missing-tensor', message: expect.stringContaining(layer) });
    await changed('variants/llama-yarn', {
      tensors: (all) => ({
        ...all,
        'model.layers.0.extra.weight': { dtype: 'F32', shape: [1], data: new Float32Array(1) },
      }),
    });
    expect(await refusal()).toMatchObject({
      code: 'unexpected-tensor',
      message: expect.stringContaining('model.layers.0.extra.weight'),
    });
    await changed('variants/llama-yarn', { config: { intermediate_size: 41 } });
    expect(await refusal()).toMatchObject({
      code: 'shape-mismatch',
      message: expect.stringMatching(/gate_proj\.weight is \[40, 24\] where config\.json asks for \[41, 24\]/),
    });
    await changed('variants/llama-yarn', { config: { num_hidden_layers: 1 } });
    expect(await refusal()).toMatchObject({ code: 'unexpected-tensor' });
  });

  it('takes checkpoints of the bare model, with buffers and with a repeated output layer', async () => {
    const logits = (model: LanguageModel) =>
      tf.tidy(() =>
        model
          .logits(model.forward({ embeddings: model.embed(tf.tensor2d([[3, 4, 5]], undefined, 'int32')) }).hidden)
          .dataSync()
          .slice(),
      );
    const original = await loadModel({ folder: `${fixtures}variants/gpt2-relu` });
    const expected = logits(original);
    original.dispose();
    const buffer: TensorToWrite = { dtype: 'F32', shape: [1, 1], data: new Float32Array(1) };
    await changed('variants/gpt2-relu', {
      tensors: (all) => ({
        ...Object.fromEntries(Object.entries(all).map(([name, tensor]) => [name.replace('transformer.', ''), tensor])),
        'h.0.attn.bias': buffer,
        'h.1.attn.masked_bias': buffer,
        'lm_head.weight': all['transformer.wte.weight'] as TensorToWrite,
      }),
    });
    const bare = await loadModel({ folder });
    expect(logits(bare)).toEqual(expected);
    bare.dispose();
    await changed('variants/gpt2-relu', {
      tensors: (all) => ({
        ...all,
        'lm_head.weight': { ...(all['transformer.wte.weight'] as TensorToWrite), data: new Float32Array(48 * 24) },
      }),
    });
    expect(await refusal()).toMatchObject({
      code: 'unexpected-tensor',
      message: expect.stringMatching(/lm_head\.weight differs from transformer\.wte\.weight.*tie_word_embeddings/s),
    });
  });

  it.each([
    ['under the output layer’s name alone', 'lm_head.weight'],
    ['under the bare model’s name', 'wte.weight'],
  ])('takes a tied weight %s', async (_, name) => {
    const logits = (model: LanguageModel) =>
      tf.tidy(() =>
        model
          .logits(model.forward({ embeddings: model.embed(tf.tensor2d([[3, 4, 5]], undefined, 'int32')) }).hidden)
          .dataSync()
          .slice(),
      );
    const original = await loadModel({ folder: `${fixtures}variants/gpt2-relu` });
    const expected = logits(original);
    original.dispose();
    await changed('variants/gpt2-relu', {
      tensors: ({ 'transformer.wte.weight': table, ...rest }) => ({ ...rest, [name]: table as TensorToWrite }),
    });
    const loaded = await loadModel({ folder });
    expect(logits(loaded)).toEqual(expected);
    loaded.dispose();
  });

  it('passes over the buffers of older checkpoints, and names a parameter that is there twice', async () => {
    const buffer: TensorToWrite = { dtype: 'F32', shape: [1], data: new Float32Array(1) };
    await changed('variants/llama-yarn', {
      tensors: (all) => ({
        ...all,
        'model.layers.0.self_attn.rotary_emb.inv_freq': buffer,
        'model.rotary_emb.inv_freq': buffer,
        'rotary_emb.cos_cached': buffer,
      }),
    });
    (await loadModel({ folder })).dispose();
    await changed('variants/llama-yarn', {
      tensors: (all) => ({ ...all, 'norm.weight': all['model.norm.weight'] as TensorToWrite }),
    });
    expect(await refusal()).toMatchObject({
      code: 'unexpected-tensor',
      message: expect.stringMatching(/two names: .*norm\.weight/),
    });
    await changed('variants/llama-yarn', { tensors: ({ 'lm_head.weight': _, ...rest }) => rest });
    expect(await refusal()).toMatchObject({
      code: 'missing-tensor',
      message: expect.stringContaining('"tie_word_embeddings": true'),
    });
  });

  it('names what it passes over, once', async () => {
    await changed('variants/llama-yarn', {
      config: { unsloth_version: '2025.5.1', is_llama_config: true, _num_labels: 0 },
    });
    const notes: string[] = [];
    const model = await loadModel({ folder, onNote: (note) => notes.push(note) });
    expect(notes).toEqual([
      expect.stringMatching(/^unsloth_version: "2025\.5\.1"/),
      expect.stringMatching(/^is_llama_config: true/),
    ]);
    expect(model.structure.notes).toEqual(notes);
    model.dispose();
  });

  it('compares what a config asks for with the weights before it is made', async () => {
    for (const config of [{ vocab_size: 2 ** 31 - 1 }, { intermediate_size: 2 ** 30 }]) {
      await changed('variants/llama-yarn', { config });
      expect(await refusal()).toMatchObject({ code: 'shape-mismatch' });
    }
    await changed('variants/llama-yarn', { config: { num_hidden_layers: 9999 } });
    expect(await refusal()).toMatchObject({ code: 'missing-tensor' });
    await changed('variants/llama-yarn', { config: { max_position_embeddings: 1e9 } });
    (await loadModel({ folder })).dispose();
    await changed('variants/llama-yarn', {});
    await expect(loadModel({ folder, memoryBudget: 1000 })).rejects.toMatchObject({ code: 'does-not-fit' });
  });

  it.skipIf(process.platform === 'win32')(
    'refuses settings that are no files, that have no end, or that nest without end',
    async () => {
      await changed('variants/llama-yarn', {});
      for (const name of ['generation_config.json', 'config.json']) {
        const path = join(folder, name);
        const replace = async (make: () => unknown): Promise<void> => {
          await rm(path, { force: true });
          await make();
        };
        await replace(() => execFileSync('mkfifo', [path]));
        expect(await refusal()).toMatchObject({ code: 'invalid-config' });
        await replace(() => symlink('/dev/zero', path));
        expect(await refusal()).toMatchObject({ code: 'invalid-config' });
        await replace(async () => {
          await writeFile(path, '{');
          await truncate(path, 200e9);
        });
        expect(await refusal()).toMatchObject({
          code: 'invalid-config',
          message: expect.stringContaining('200000000000 bytes'),
        });
        await replace(() => writeFile(path, `{"model_type": "llama", "a": ${'['.repeat(100_000)}`));
        expect(await refusal()).toMatchObject({
          code: 'invalid-config',
          message: expect.stringContaining('nests deeper'),
        });
        await replace(() => writeFile(path, Buffer.from([0x7b, 0xff, 0x7d])));
        expect(await refusal()).toMatchObject({ code: 'invalid-config', message: expect.stringContaining('UTF-8') });
        await rm(path);
      }
    },
  );

  it('says which file is missing or broken', async () => {
    expect(await refusal()).toMatchObject({ code: 'not-found', message: expect.stringContaining('config.json') });
    await writeFile(join(folder, 'config.json'), '{"model_type": ');
    expect(await refusal()).toMatchObject({
      code: 'invalid-config',
      message: expect.stringContaining('not valid JSON'),
    });
    await writeFile(join(folder, 'config.json'), '[]');
    expect(await refusal()).toMatchObject({ code: 'invalid-config' });
    await writeFile(join(folder, 'config.json'), '{}');
    expect(await refusal()).toMatchObject({ code: 'invalid-config', message: expect.stringContaining('model_type') });
    await writeFile(join(folder, 'config.json'), '{"model_type": "gpt2"}');
    await writeFile(join(folder, 'model.gguf'), '');
    expect(await refusal()).toMatchObject({
      code: 'not-found',
      message: expect.stringMatching(/model\.gguf.*safe_serialization/),
    });
    await writeFile(join(folder, 'pytorch_model.bin'), '');
    await expect(loadModel({ folder })).rejects.toMatchObject({
      code: 'invalid-archive',
      message: expect.stringContaining('pytorch_model.bin'),
    });
  });

  it('refuses a model that the engine cannot hold, and names one that can', async () => {
    await useEngine({ engine: 'wasm' });
    try {
      // Llama-3.2-3B's sizes.
      const config = {
        model_type: 'llama',
        vocab_size: 128256,
        hidden_size: 3072,
        intermediate_size: 8192,
        num_hidden_layers: 28,
        num_attention_heads: 24,
        num_key_value_heads: 8,
        tie_word_embeddings: true,
      };
      expect(() => createModel({ config, seed: 1 })).toThrow(/12\.0 GiB.*wasm holds at most.*tensorflow/);
    } finally {
      await useEngine({ engine: 'cpu' });
    }
  });

  it('refuses positions beyond the learned ones', async () => {
    const model = await loadModel({ folder: `${fixtures}variants/gpt2-relu` });
    expect(() => tf.tidy(() => model.forward({ embeddings: tf.zeros([1, 33, 24]) }).hidden)).toThrow(
      /Position 32 is beyond the 32 learned positions/,
    );
    expect(() =>
      tf.tidy(() => model.forward({ embeddings: tf.zeros([1, 3, 24]), mask: tf.ones([1, 4], 'int32') }).hidden),
    ).toThrow(/mask has 4 keys where there are 3/);
    model.dispose();
  });
});
