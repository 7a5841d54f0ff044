import { loadAdapter, saveAdapter, addLora, mergeLora, removeLora, unmergeLora, untrainedTokens } from '@subtext/nn';
import { openSafetensors } from '@subtext/safetensors';
import { AdamW, tf, valueAndGradients } from '@subtext/tensor';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';

import { createModel } from '../create-model';
import { drawTokenRows, resizeEmbeddings } from '../resize-embeddings';
import { loadModel } from '../load-model';
import { nextTokenLoss } from '../training/next-token-loss';
import { saveModel } from '../saving/save-model';
import type { LanguageModel } from '../language-model';
import { describeOnEngines } from '../parity/engines';
import { largestDifference } from '../parity/recorded';

const shape = {
  model_type: 'llama',
  vocab_size: 32,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  max_position_embeddings: 32,
};
const configs = {
  tied: { ...shape, tie_word_embeddings: true },
  untied: { ...shape, tie_word_embeddings: false },
  gpt2: { model_type: 'gpt2', vocab_size: 32, n_embd: 16, n_layer: 2, n_head: 2, n_positions: 32 },
};
/** Two new tokens, and one that was there. */
const tokens = [32, 33];
const sequence = [[3, 32, 5, 33, 7, 32]];

function logits(model: LanguageModel): Float32Array {
  return tf.tidy(() => {
    const { hidden } = model.forward({ embeddings: model.embed(tf.tensor2d(sequence, undefined, 'int32')) });
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
        const { hidden } = model.forward({ embeddings: model.embed(tf.tensor2d(sequence, undefined, 'int32')) });
        const { sum, count } = nextTokenLoss({ model, hidden, labels: sequence });
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

const rowOf = (model: LanguageModel, id: number, weight = model.tokenEmbedding.weight.declaration.name) =>
  model.parameters
    .get(weight)
    .dataSync<'float32'>()
    .slice(id * 16, (id + 1) * 16);

describeOnEngines('tokens that are trained beside an adapter', () => {
  const grown = (config: Record<string, unknown>) => {
    const model = createModel({ config, seed: 1 });
    resizeEmbeddings({ model, vocabularySize: 34 });
    return model;
  };

  it.each(Object.entries(configs))(
    '%s: start as their rows are, learn, and give the same bits merged, apart, and from their folder',
    async (name, config) => {
      const folder = await mkdtemp(join(tmpdir(), 'subtext-rows-'));
      const model = grown(config);
      const before = logits(model);
      const starts = tokens.map((id) => rowOf(model, id));
      addLora({ model, targets: 'all-linear', rank: 2, tokens });
      expect(largestDifference(logits(model), before)).toBeLessThan(1e-6);
      const trainable = model.parameters
        .trainable()
        .map(([parameter]) => parameter)
        .filter((parameter) => !parameter.includes('.lora_'));
      const embedding = name === 'gpt2' ? 'transformer.wte' : 'model.embed_tokens';
      expect(trainable).toEqual(
        [embedding, ...(name === 'untied' ? ['lm_head'] : [])].map(
          (table) => `${table}.token_adapter.trainable_tokens_delta`,
        ),
      );
      const losses = train(model, 20);
      expect(losses.at(-1)).toBeLessThan(losses[0]! * 0.8);
      const apart = logits(model);
      // The tables are frozen: the rows alone moved.
      for (const [index, id] of tokens.entries()) expect(rowOf(model, id)).toEqual(starts[index]);
      await saveAdapter({ model, folder });
      const settings = JSON.parse(await readFile(join(folder, 'adapter_config.json'), 'utf8'));
      expect(settings.trainable_token_indices).toEqual(
        name === 'untied' ? { embed_tokens: tokens, lm_head: tokens } : tokens,
      );
      const file = await openSafetensors({ path: join(folder, 'adapter_model.safetensors') });
      expect(file.entry(`base_model.model.${embedding}.token_adapter.trainable_tokens_delta`).shape).toEqual([2, 16]);
      await file.close();

      const again = grown(config);
      await loadAdapter({ model: again, folder });
      expect(logits(again)).toEqual(apart);
      expect(again.parameters.trainable().filter(([parameter]) => /token_adapter/.test(parameter))).toEqual([]);

      mergeLora({ model });
      expect(largestDifference(logits(model), apart)).toBeLessThan(1e-5);
      expect(rowOf(model, 32)).not.toEqual(starts[0]);
      await saveModel({ model, folder });
      const merged = await loadModel({ folder });
      expect(logits(merged)).toEqual(logits(model));
      unmergeLora({ model });
      expect(rowOf(model, 32)).toEqual(starts[0]);
      expect(largestDifference(logits(model), apart)).toBeLessThan(1e-5);
      removeLora({ model });
      expect(largestDifference(logits(model), before)).toBeLessThan(1e-6);
      expect(model.parameters.names().some((parameter) => parameter.includes('token_adapter'))).toBe(false);
      for (const each of [model, again, merged]) each.dispose();
      await rm(folder, { recursive: true });
    },
  );

  it.each(Object.entries(configs))(
    '%s: tables trained in full are saved as modules_to_save, come back, and are taken back',
    async (name, config) => {
      const folder = await mkdtemp(join(tmpdir(), 'subtext-rows-'));
      const model = grown(config);
      const before = logits(model);
      addLora({ model, targets: 'all-linear', rank: 2, tokens: 'all' });
      train(model, 5);
      const trained = logits(model);
      await saveAdapter({ model, folder });
      const { modules_to_save: modules } = JSON.parse(await readFile(join(folder, 'adapter_config.json'), 'utf8'));
      expect(modules).toEqual([name === 'gpt2' ? 'wte' : 'embed_tokens', 'lm_head']);
      const again = grown(config);
      await loadAdapter({ model: again, folder });
      expect(logits(again)).toEqual(trained);
      for (const each of [model, again]) removeLora({ model: each });
      expect(largestDifference(logits(model), before)).toBeLessThan(1e-6);
      expect(logits(again)).toEqual(before);
      for (const each of [model, again]) each.dispose();
      await rm(folder, { recursive: true });
    },
  );

  it('rows anywhere in the table stand where merging puts them', () => {
    const model = grown(configs.untied);
    const scattered = [7, 3, 31];
    addLora({
      model,
      targets: ['q_proj'],
      tokens: new Map([
        ['model.embed_tokens', [5]],
        ['lm_head', scattered],
      ]),
    });
    expect(model.tokenEmbedding.rows!.ids).toEqual([5]);
    train(model, 3);
    const apart = logits(model);
    mergeLora({ model });
    expect(largestDifference(logits(model), apart)).toBeLessThan(1e-6);
    model.dispose();
  });

  it('says which tokens a model lacks, before anything is changed', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'subtext-rows-'));
    const model = grown(configs.tied);
    const { size } = model.parameters;
    expect(() => addLora({ model, targets: ['q_proj'], tokens: [34] })).toThrow(/no token 34; .*resizeEmbeddings/s);
    expect(() => addLora({ model, targets: ['q_proj'], tokens: [3, 3] })).toThrow(/more than once/);
    expect(model.parameters.size).toBe(size);
    addLora({ model, targets: ['q_proj'], tokens });
    expect(() => resizeEmbeddings({ model, vocabularySize: 40 })).toThrow(/Resize first/);
    await saveAdapter({ model, folder });
    const base = createModel({ config: configs.tied, seed: 1 });
    await expect(loadAdapter({ model: base, folder })).rejects.toThrow(
      /names the token 32; the model has 32 tokens.*resizeEmbeddings/s,
    );
    for (const each of [model, base]) each.dispose();
    await rm(folder, { recursive: true });
  });

  it('new rows differ, lie near what they are like, and come out of the seed', () => {
    const model = grown(configs.untied);
    const again = grown(configs.untied);
    for (const weight of ['model.embed_tokens.weight', 'lm_head.weight']) {
      expect(rowOf(model, 32, weight)).not.toEqual(rowOf(model, 33, weight));
      expect(rowOf(model, 32, weight)).toEqual(rowOf(again, 32, weight));
    }
    const distance = (a: Float32Array, b: Float32Array) => Math.hypot(...a.map((value, index) => value - b[index]!));
    const closest = (row: Float32Array) =>
      Array.from({ length: 32 }, (_, id) => id).sort(
        (a, b) => distance(row, rowOf(model, a)) - distance(row, rowOf(model, b)),
      )[0];
    drawTokenRows({
      model,
      tokens: [
        { id: 32, like: [9] },
        { id: 33, like: [9] },
      ],
      seed: 4,
    });
    expect(closest(rowOf(model, 32))).toBe(9);
    expect(closest(rowOf(model, 33))).toBe(9);
    expect(rowOf(model, 32)).not.toEqual(rowOf(model, 33));
    for (const each of [model, again]) each.dispose();
  });

  it("finds the tokens that a checkpoint never saw: their rows are another token's", async () => {
    for (const config of [configs.tied, configs.untied]) {
      const model = createModel({ config, seed: 3 });
      const weight = model.head.tied ? 'model.embed_tokens.weight' : 'lm_head.weight';
      tf.tidy(() => {
        const table = model.parameters.get(weight) as tf.Variable<tf.Rank.R2>;
        const copied = tf.gather(
          table,
          tf.tensor1d(
            Array.from({ length: 32 }, (_, id) => (id === 2 || id === 9 ? 5 : id)),
            'int32',
          ),
        );
        table.assign(
          tf.add(
            copied,
            tf.mul(0.02, tf.mul(copied, tf.randomUniform(copied.shape, -1, 1, 'float32', 7))),
          ) as tf.Tensor2D,
        );
      });
      expect(await untrainedTokens({ model, ids: [1, 2, 3, 5, 31, 3] })).toEqual([2, 5]);
      model.dispose();
    }
  });
});
