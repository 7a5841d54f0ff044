import { addLora, setLoraDropoutSeed } from '@subtext/nn';
import { tf, useEngine, valueAndGradients } from '@subtext/tensor';
import { beforeAll, expect, it } from 'vitest';

import { createModel } from '../create-model';
import type { LanguageModel } from '../language-model';
import { describeOnEngines } from '../parity/engines';
import { nextTokenLoss } from './next-token-loss';

const small = { vocab_size: 32, max_position_embeddings: 64, initializer_range: 0.1 };
const configs = {
  llama: {
    ...{ model_type: 'llama', hidden_size: 16, intermediate_size: 24, num_hidden_layers: 3 },
    ...{ num_attention_heads: 2, num_key_value_heads: 1, ...small },
  },
  gpt2: {
    model_type: 'gpt2',
    vocab_size: 32,
    n_embd: 16,
    n_layer: 3,
    n_head: 2,
    n_positions: 64,
    initializer_range: 0.1,
  },
  // A sliding window, which counts positions, and norms that no fused block has.
  gemma3: {
    ...{ model_type: 'gemma3_text', hidden_size: 16, intermediate_size: 24, num_hidden_layers: 3, head_dim: 8 },
    ...{ num_attention_heads: 2, num_key_value_heads: 1, sliding_window: 3, ...small },
  },
};
const ids = [
  [3, 4, 5, 6, 7, 8],
  [0, 0, 7, 3, 2, 1],
];
const seen = [
  [1, 1, 1, 1, 1, 1],
  [0, 0, 1, 1, 1, 1],
];

function step(model: LanguageModel, recompute: boolean, masked: boolean) {
  model.structure.recomputesBlocks = recompute;
  setLoraDropoutSeed({ model, seed: 5 });
  const { value, gradients } = valueAndGradients({
    parameters: model.parameters,
    compute: () => {
      const mask = masked ? tf.tensor2d(seen, undefined, 'int32') : null;
      const embeddings = model.embed(tf.tensor2d(ids, undefined, 'int32'));
      const { hidden } = model.forward({ embeddings, mask });
      const { sum, count } = nextTokenLoss({ model, hidden, labels: ids });
      return tf.div(sum, count);
    },
  });
  const numbers = Object.fromEntries(
    Object.entries(gradients).map(([name, gradient]) => [name, [...gradient.dataSync()]]),
  );
  const loss = value.dataSync()[0]!;
  tf.dispose([value, ...Object.values(gradients)]);
  return { loss, numbers };
}

describeOnEngines('blocks that are computed again', (engine) => {
  beforeAll(async () => void (await useEngine({ engine })));

  it.each(Object.keys(configs) as (keyof typeof configs)[])('%s: have the same gradients, to the bit', (family) => {
    const before = tf.memory().numTensors;
    const model = createModel({ config: configs[family], seed: 2 });
    for (const masked of [false, true]) {
      const kept = step(model, false, masked);
      const again = step(model, true, masked);
      expect(again).toEqual(kept);
      expect(Object.keys(kept.numbers).length).toBeGreaterThan(20);
    }
    model.dispose();
    expect(tf.memory().numTensors).toBeLessThanOrEqual(before);
  });

  it('of an adapter too, with the same draws of dropout, over frozen weights', () => {
    const model = createModel({ config: configs.llama, seed: 2 });
    addLora({ model, rank: 2, dropout: 0.3, seed: 1 });
    for (const [name, variable] of model.parameters.trainable())
      if (name.includes('lora_B'))
        tf.tidy(() => variable.assign(tf.randomNormal(variable.shape, 0, 0.1, 'float32', 4)));
    const kept = step(model, false, false);
    expect(step(model, true, false)).toEqual(kept);
    expect(step(model, false, false)).toEqual(kept);
    model.dispose();
  });

  it('keep one block in place of all', () => {
    const most = (recompute: boolean) => {
      const model = createModel({ config: { ...configs.llama, num_hidden_layers: 8 }, seed: 2 });
      model.structure.recomputesBlocks = recompute;
      let peak = 0;
      const { value, gradients } = valueAndGradients({
        parameters: model.parameters,
        compute: () => {
          const { hidden } = model.forward({ embeddings: model.embed(tf.tensor2d(ids, undefined, 'int32')) });
          peak = tf.memory().numBytes;
          return tf.sum(hidden) as tf.Scalar;
        },
      });
      tf.dispose([value, ...Object.values(gradients)]);
      model.dispose();
      return peak;
    };
    const start = tf.memory().numBytes;
    const weights = 8 * 4 * (2 * 16 * 16 + 2 * 8 * 16 + 3 * 16 * 24);
    expect(most(true) - start - weights).toBeLessThan(0.6 * (most(false) - start - weights));
  });
});
