import { useEngine } from '@subtext/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import { createModel } from '../create-model';

const text = {
  model_type: 'llama',
  vocab_size: 16,
  hidden_size: 8,
  intermediate_size: 16,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 2,
  head_dim: 4,
  hidden_act: 'silu',
  max_position_embeddings: 32,
  rms_norm_eps: 1e-5,
  rope_theta: 1e4,
  rope_scaling: {
    rope_type: 'llama3',
    factor: 2,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 16,
  },
  tie_word_embeddings: true,
  eos_token_id: 1,
  pruned_heads: {},
  quantization_config: null,
};
const clip = {
  model_type: 'clip_vision_model',
  hidden_size: 8,
  intermediate_size: 16,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  image_size: 8,
  patch_size: 4,
  num_channels: 3,
  layer_norm_eps: 1e-5,
  hidden_act: 'gelu',
};
const configs: Record<string, Record<string, unknown>> = {
  llama: text,
  qwen2: {
    ...text,
    model_type: 'qwen2',
    sliding_window: 8,
    use_sliding_window: false,
    max_window_layers: 1,
    layer_types: ['full_attention'],
  },
  qwen3: { ...text, model_type: 'qwen3', sliding_window: 8, use_sliding_window: true, max_window_layers: 0 },
  mistral: { ...text, model_type: 'mistral', sliding_window: 8 },
  ministral: { ...text, model_type: 'ministral', sliding_window: 8, layer_types: ['sliding_attention'] },
  smollm3: { ...text, model_type: 'smollm3', no_rope_layers: [0], no_rope_layer_interval: 2 },
  gemma2: {
    ...text,
    model_type: 'gemma2',
    query_pre_attn_scalar: 4,
    attn_logit_softcapping: 2,
    final_logit_softcapping: 3,
    sliding_window: 8,
  },
  gemma3: {
    ...text,
    model_type: 'gemma3_text',
    rope_scaling: null,
    rope_parameters: {
      full_attention: { rope_type: 'linear', factor: 2, rope_theta: 10 },
      sliding_attention: { rope_type: 'default' },
    },
    rope_local_base_freq: 10,
    sliding_window_pattern: 2,
  },
  phi3: {
    ...text,
    model_type: 'phi3',
    partial_rotary_factor: 0.5,
    original_max_position_embeddings: 8,
    rope_scaling: { type: 'su', short_factor: [1], long_factor: [2] },
    sliding_window: 8,
  },
  olmo2: { ...text, model_type: 'olmo2', attention_bias: true },
  gpt2: {
    model_type: 'gpt2',
    vocab_size: 16,
    n_embd: 8,
    n_layer: 1,
    n_head: 2,
    n_positions: 16,
    n_inner: 16,
    activation_function: 'gelu_new',
    layer_norm_epsilon: 1e-5,
    hidden_size: 8,
    scale_attn_weights: true,
  },
  llava: {
    model_type: 'llava',
    text_config: text,
    vision_config: clip,
    image_token_index: 4,
    vision_feature_layer: -1,
    vision_feature_select_strategy: 'default',
    projector_hidden_act: 'gelu',
  },
  smolvlm: {
    model_type: 'smolvlm',
    text_config: text,
    vision_config: { ...clip, model_type: 'smolvlm_vision' },
    image_token_id: 4,
    scale_factor: 2,
  },
  mllama: {
    model_type: 'mllama',
    text_config: {
      model_type: 'mllama_text_model',
      vocab_size: 16,
      hidden_size: 8,
      intermediate_size: 16,
      num_hidden_layers: 2,
      num_attention_heads: 2,
      num_key_value_heads: 2,
      cross_attention_layers: [1],
    },
    vision_config: {
      model_type: 'mllama_vision_model',
      hidden_size: 8,
      intermediate_size: 16,
      num_hidden_layers: 2,
      num_global_layers: 1,
      attention_heads: 2,
      vision_output_dim: 16,
      image_size: 8,
      patch_size: 4,
      max_num_tiles: 4,
      intermediate_layers_indices: [0],
      supported_aspect_ratios: [
        [1, 1],
        [1, 2],
      ],
    },
    image_token_index: 16,
  },
};
const hostile: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  2 ** 31,
  2 ** 53 - 1,
  1e300,
  'constructor',
  '__proto__',
  [],
  [null],
  [1e9],
  { constructor: 1 },
  { length: 1e9 },
];

/** Every key of a config, and of the parts in it, with every hostile value in turn. */
function* changed(config: Record<string, unknown>): Generator<Record<string, unknown>> {
  for (const [key, value] of Object.entries(config)) {
    for (const other of hostile) yield { ...config, [key]: other };
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      for (const part of changed(value as Record<string, unknown>)) yield { ...config, [key]: part };
  }
}

describe('any value for any key', () => {
  beforeAll(async () => {
    await useEngine({ engine: 'cpu' });
  });

  it('a config that does not say its architecture is told so', () => {
    const config = { ...text, model_type: undefined };
    expect(() => createModel({ config, seed: 1 })).toThrow(/there is no model_type; these are: .*llama/);
  });

  it('more heads than the width that they share are refused, not computed', () => {
    const wide = { num_attention_heads: 32, num_key_value_heads: 32, head_dim: undefined };
    for (const [name, heads] of [
      ['llama', wide],
      ['qwen2', wide],
      ['gpt2', { n_head: 32 }],
    ] as const)
      expect(() => createModel({ config: { ...configs[name], ...heads }, seed: 1 })).toThrow(
        expect.objectContaining({ name: 'ModelFolderError', code: 'invalid-config' }),
      );
    const mllama = configs.mllama!;
    for (const heads of [8, 32])
      expect(() =>
        createModel({
          config: {
            ...mllama,
            text_config: { ...(mllama.text_config as object), num_attention_heads: heads, num_key_value_heads: heads },
          },
          seed: 1,
        }),
      ).toThrow(expect.objectContaining({ name: 'ModelFolderError', code: 'invalid-config' }));
  });

  it.each(Object.entries(configs))(
    'of a %s is taken, or refused by a typed error that says what stands there',
    (_, config) => {
      createModel({ config, seed: 1 }).dispose();
      let refused = 0;
      for (const change of changed(config)) {
        try {
          createModel({ config: change, seed: 1, memoryBudget: 2 ** 26 }).dispose();
        } catch (error) {
          refused += 1;
          expect(error, JSON.stringify(change)).toMatchObject({ name: 'ModelFolderError' });
          expect((error as Error).message).not.toMatch(/undefined|\[object|NaN/);
        }
      }
      expect(refused).toBeGreaterThan(20);
    },
  );
});
