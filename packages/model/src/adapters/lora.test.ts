import {
  ModelFolderError,
  loadAdapter,
  saveAdapter,
  addLora,
  mergeLora,
  removeLora,
  setLoraDropoutSeed,
  unmergeLora,
} from '@subtext/nn';
import { openSafetensors, writeSafetensors, type TensorToWrite } from '@subtext/safetensors';
import { AdamW, tf, useEngine, valueAndGradients } from '@subtext/tensor';
import { mkdtemp, readFile, rm, writeFile, cp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { createModel } from '../create-model';
import { loadModel } from '../load-model';
import { nextTokenLoss } from '../training/next-token-loss';
import { saveModel } from '../saving/save-model';
import type { LanguageModel } from '../language-model';
import { describeOnEngines } from '../parity/engines';
import { fixtures, integers, largestDifference, readRecorded } from '../parity/recorded';

const config = {
  model_type: 'llama',
  vocab_size: 32,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  max_position_embeddings: 32,
};
const ids = [[3, 4, 5, 6, 7, 8]];

function logits(model: LanguageModel): Float32Array {
  return tf.tidy(() => {
    const { hidden } = model.forward({ embeddings: model.embed(tf.tensor2d(ids, undefined, 'int32')) });
    return model.logits(hidden).dataSync<'float32'>().slice();
  });
}

function train(model: LanguageModel, steps: number): number[] {
  const optimizer = new AdamW({ parameters: model.parameters, learningRate: 0.02 });
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const { value, gradients } = valueAndGradients({
      parameters: model.parameters,
      compute: () => {
        const { hidden } = model.forward({ embeddings: model.embed(tf.tensor2d(ids, undefined, 'int32')) });
        const { sum, count } = nextTokenLoss({ model, hidden, labels: ids });
        return tf.div(sum, count);
      },
    });
    losses.push(value.dataSync()[0] as number);
    optimizer.step({ gradients });
    tf.dispose([value, ...Object.values(gradients)]);
  }
  optimizer.dispose();
  return losses;
}

describeOnEngines('adapters of PEFT', () => {
  it.each(['llama-patterns', 'gpt2-regex', 'llama-some-layers', 'gpt2-saved-embeddings', 'llama-token-rows'])(
    '%s gives the logits that PEFT gives, apart, merged, and taken out again',
    async (name) => {
      const folder = `${fixtures}adapters/${name}`;
      const { base_model_name_or_path: base } = JSON.parse(await readFile(`${folder}/adapter_config.json`, 'utf8'));
      const recorded = await readRecorded(folder);
      const model = await loadModel({ folder: join(folder, base) });
      const seen = recorded('attention_mask').values;
      const { vocabularySize } = model.dimensions;
      const difference = (expected: Float32Array) =>
        tf.tidy(() => {
          const { hidden } = model.forward({
            embeddings: model.embed(integers(recorded('input_ids'))),
            mask: integers(recorded('attention_mask')),
          });
          return largestDifference(
            model.logits(hidden).dataSync(),
            expected,
            (index) => seen[Math.floor(index / vocabularySize)] === 1,
          );
        });
      const bare = (await readRecorded(join(folder, base)))('logits').values;
      expect(difference(bare)).toBeLessThan(1e-4);
      await loadAdapter({ model, folder });
      expect(difference(recorded('logits').values)).toBeLessThan(1e-4);
      expect(difference(bare)).toBeGreaterThan(0.1);
      mergeLora({ model });
      expect(difference(recorded('logits').values)).toBeLessThan(1e-4);
      unmergeLora({ model });
      expect(difference(recorded('logits').values)).toBeLessThan(1e-4);
      removeLora({ model });
      expect(difference(bare)).toBeLessThan(1e-4);
      model.dispose();
    },
  );
});

describe('lora', () => {
  let folder: string;
  let model: LanguageModel;
  beforeAll(async () => {
    await useEngine({ engine: 'cpu' });
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'subtext-lora-'));
    model = createModel({ config, seed: 1 });
  });
  afterEach(async () => {
    model.dispose();
    await rm(folder, { recursive: true, force: true });
  });

  it('starts as the model was, trains only the adapter, and lowers the loss', () => {
    const before = logits(model);
    addLora({ model, targets: ['q_proj', 'v_proj', 'down_proj', 'lm_head'], rank: 4, alpha: 8 });
    expect(logits(model)).toEqual(before);
    expect(model.parameters.trainable().every(([name]) => name.includes('.lora_'))).toBe(true);
    const frozen = model.parameters.get('model.layers.0.self_attn.q_proj.weight').dataSync().slice();
    const losses = train(model, 12);
    expect(losses.at(-1)).toBeLessThan((losses[0] as number) * 0.7);
    expect(model.parameters.get('model.layers.0.self_attn.q_proj.weight').dataSync()).toEqual(frozen);
  });

  it('comes back from its folder with the same logits, and can be trained on', async () => {
    addLora({ model, targets: /model\.layers\.\d\.mlp\..*/, rank: 2, alpha: 4, rankStabilised: true });
    train(model, 4);
    const trained = logits(model);
    await saveAdapter({ model, folder });
    const fresh = createModel({ config, seed: 1 });
    await loadAdapter({ model: fresh, folder, trainable: true });
    expect(largestDifference(logits(fresh), trained)).toBeLessThan(1e-6);
    expect(fresh.parameters.trainable().length).toBe(12);
    fresh.dispose();
  });

  it('saves as a whole model only when merged', async () => {
    addLora({ model, targets: 'all-linear', rank: 2 });
    train(model, 3);
    await expect(saveModel({ model, folder })).rejects.toThrow(/mergeLora/);
    const trained = logits(model);
    mergeLora({ model });
    await saveModel({ model, folder });
    const merged = await loadModel({ folder });
    expect(largestDifference(logits(merged), trained)).toBeLessThan(1e-5);
    merged.dispose();
  });

  it('drops inputs only while training, by its seed', () => {
    addLora({ model, targets: ['q_proj'], rank: 4, dropout: 0.5 });
    train(model, 3);
    const still = logits(model);
    setLoraDropoutSeed({ model, seed: 1 });
    const first = logits(model);
    expect(first).not.toEqual(still);
    setLoraDropoutSeed({ model, seed: 1 });
    expect(logits(model)).toEqual(first);
    setLoraDropoutSeed({ model, seed: 2 });
    expect(logits(model)).not.toEqual(first);
    setLoraDropoutSeed({ model, seed: null });
    expect(logits(model)).toEqual(still);
  });

  it('refuses layers that are not there, the embedding, and a second adapter', () => {
    expect(() => addLora({ model, targets: ['c_attn'] })).toThrow(/No linear layer is named "c_attn".*q_proj/s);
    expect(() => addLora({ model, targets: ['embed_tokens'] })).toThrow(/token embedding/);
    expect(() => addLora({ model, targets: /q_proj/ })).toThrow(/whole name/);
    expect(() => addLora({ model, targets: [] })).toThrow(/No layer is named/);
    expect(() => addLora({ model, targets: ['q_proj'], rank: 0 })).toThrow(/rank/);
    addLora({ model, targets: ['q_proj'] });
    expect(() => addLora({ model, targets: ['v_proj'] })).toThrow(/already/);
  });

  it('does not merge into an output layer that shares the embedding', () => {
    const tied = createModel({ config: { ...config, tie_word_embeddings: true }, seed: 1 });
    addLora({ model: tied, targets: ['lm_head'] });
    expect(() => mergeLora({ model: tied })).toThrow(/shares its weight/);
    tied.dispose();
  });

  it('refuses folders that ask for more than low-rank adapters, and leaves the model as it was', async () => {
    const source = `${fixtures}adapters/llama-patterns`;
    const base = await loadModel({ folder: `${fixtures}variants/llama-mqa-biases-linear` });
    const count = base.parameters.size;
    const change = async (values: Record<string, unknown>) => {
      await cp(source, folder, { recursive: true });
      const original = JSON.parse(await readFile(join(source, 'adapter_config.json'), 'utf8'));
      await writeFile(join(folder, 'adapter_config.json'), JSON.stringify({ ...original, ...values }));
    };
    for (const [values, message] of [
      [{ use_dora: true }, /use_dora/],
      [{ target_modules: 'q_proj(' }, /target_modules: "q_proj\(" is not a supported regular expression/],
      [{ modules_to_save: ['embed_tokens'] }, /modules_to_save/],
      [{ bias: 'all', made_up: 3 }, /bias.*made_up/s],
      [{ target_modules: ['q_proj'] }, /has|holds 1[0-9] tensors/],
      [{ target_modules: ['q_proj', 'v_proj', 'down_proj', 'lm_head', 'k_proj'] }, /lacks 4 of/],
      [{ r: 5 }, /lora_A\.weight is \[4, 24\] where this model needs \[5, 24\]/],
    ] as const) {
      await change(values);
      await expect(loadAdapter({ model: base, folder })).rejects.toThrow(message);
      expect(base.parameters.size).toBe(count);
    }
    await rm(join(folder, 'adapter_config.json'));
    await expect(loadAdapter({ model: base, folder })).rejects.toThrow(/adapter_config\.json/);
    await expect(loadAdapter({ model: base, folder: join(folder, 'nowhere') })).rejects.toThrow(/no such folder/);
    base.dispose();
  });

  describe('a folder of PEFT', () => {
    const source = `${fixtures}adapters/llama-patterns`;
    const baseFolder = `${fixtures}variants/llama-mqa-biases-linear`;
    const change = async (values: Record<string, unknown>): Promise<Record<string, unknown>> => {
      await cp(source, folder, { recursive: true });
      const original = JSON.parse(await readFile(join(source, 'adapter_config.json'), 'utf8')) as Record<
        string,
        unknown
      >;
      await writeFile(join(folder, 'adapter_config.json'), JSON.stringify({ ...original, ...values }));
      return original;
    };

    it('may have keys that change nothing, and name modules that the model lacks', async () => {
      const original = await change({});
      const reference = await loadModel({ folder: baseFolder });
      await loadAdapter({ model: reference, folder: source });
      const expected = logits(reference);
      reference.dispose();
      const names = [...(original.target_modules as string[]), 'c_attn', 'query_key_value'];
      for (const values of [
        { target_modules: names },
        {
          merge_weights: false,
          enable_lora: null,
          exclude_modules: [],
          modules_to_save: [],
          layers_to_transform: [],
          layers_pattern: [],
          layer_replication: [],
          target_parameters: [],
          trainable_token_indices: null,
        },
        {
          modules_to_save: null,
          layers_pattern: '',
          alora_invocation_tokens: null,
          use_bdlora: false,
          kasa_config: null,
          arrow_config: {},
          made_up: false,
          other: null,
          peft_version: '0.19.1',
          megatron_core: 'megatron.core',
          auto_mapping: { base_model_class: 'X', unsloth_fixed: true },
        },
      ]) {
        await change(values);
        const model = await loadModel({ folder: baseFolder });
        await loadAdapter({ model, folder });
        expect(logits(model)).toEqual(expected);
        model.dispose();
      }
    });

    it('is refused with texts that say what the folder says', async () => {
      const model = await loadModel({ folder: baseFolder });
      for (const [values, message] of [
        [{ layers_to_transform: ['1'] }, /layers_to_transform.*layers are numbers, counted from 0/],
        [{ layers_to_transform: [7] }, /leaves no layer to adapt: of [0-9]+ that target_modules names.*\(7\)/],
        [{ layers_pattern: 'layers' }, /layers_pattern is set without layers_to_transform/],
        [{ layers_to_transform: 1, layers_pattern: '[' }, /layers_pattern: /],
        [{ layers_to_transform: 1, target_modules: '.*q_proj' }, /target_modules that is one text/],
        [{ layer_replication: [[0, 2]] }, /layer_replication: \[\[0,2\]\] is not supported; leave it out/],
        [{ made_up: 3 }, /made_up: 3 is not a setting that Subtext knows of LoRA adapters/],
        [{ target_modules: ['c_attn', 'x'] }, /No linear layer is named "c_attn" or "x"/],
        [{ enable_lora: [true, false, true] }, /enable_lora: \[true,false,true\]/],
        [{ exclude_modules: '(' }, /exclude_modules: "\("/],
        [{ rank_pattern: { '[': 4 } }, /rank_pattern: /],
        [{ target_modules: 'nothing' }, /matches the whole name of no linear layer/],
      ] as const) {
        await change(values);
        await expect(loadAdapter({ model, folder }), String(message)).rejects.toThrow(message);
      }
      model.dispose();
    });

    it.each(['target_modules', 'exclude_modules', 'rank_pattern', 'alpha_pattern'])(
      'cannot hang the process by %s',
      async (field) => {
        const hostile = '(([a-z0-9._]+)+)+!';
        await change({ [field]: field.endsWith('pattern') ? { [hostile]: 4 } : hostile });
        const model = await loadModel({ folder: baseFolder });
        const began = performance.now();
        await loadAdapter({ model, folder }).catch((error: unknown) => expect(error).toBeInstanceOf(ModelFolderError));
        expect(performance.now() - began).toBeLessThan(10_000);
        model.dispose();
      },
    );

    it('that brought base weights leaves them as they were when it is removed, unless it is merged', async () => {
      const tensors: Record<string, TensorToWrite> = {};
      const file = await openSafetensors({ path: join(source, 'adapter_model.safetensors') });
      for (const name of file.names) tensors[name] = await file.read(name);
      await file.close();
      await change({});
      const model = await loadModel({ folder: baseFolder });
      const table = model.tokenEmbedding.weight.value;
      tensors['base_model.model.model.embed_tokens.weight'] = {
        dtype: 'F32',
        shape: table.shape,
        data: (table.dataSync() as Float32Array).map((value) => 2 * value),
      };
      await writeSafetensors({ path: join(folder, 'adapter_model.safetensors'), tensors });
      const before = logits(model);
      await loadAdapter({ model, folder });
      const adapted = logits(model);
      expect(adapted).not.toEqual(before);
      removeLora({ model });
      expect(logits(model)).toEqual(before);
      await loadAdapter({ model, folder });
      mergeLora({ model });
      removeLora({ model });
      expect(largestDifference(logits(model), adapted)).toBeLessThan(1e-5);
      model.dispose();
    });
  });
});
