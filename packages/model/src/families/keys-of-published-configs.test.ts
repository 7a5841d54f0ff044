import { ModelFolderError } from '@subtext/nn';
import { useEngine } from '@subtext/tensor';
import { beforeAll, describe, expect, it } from 'vitest';

import { createModel } from '../create-model';

/** Shapes that take no time; the other keys are those of the checkpoints. */
const llama = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  vocab_size: 16,
  hidden_size: 8,
  intermediate_size: 16,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  hidden_act: 'silu',
  max_position_embeddings: 64,
  rms_norm_eps: 1e-5,
  initializer_range: 0.02,
  use_cache: true,
  torch_dtype: 'bfloat16',
  transformers_version: '4.40.1',
};
const qwen2 = {
  ...llama,
  architectures: ['Qwen2ForCausalLM'],
  model_type: 'qwen2',
  rms_norm_eps: 1e-6,
  rope_theta: 1e6,
  attention_dropout: 0,
  sliding_window: 32768,
  use_sliding_window: false,
  max_window_layers: 24,
};
const gpt2 = {
  architectures: ['GPT2LMHeadModel'],
  model_type: 'gpt2',
  vocab_size: 16,
  n_ctx: 32,
  n_embd: 8,
  n_head: 2,
  n_layer: 1,
  n_positions: 32,
  n_inner: null,
  activation_function: 'gelu_new',
  attn_pdrop: 0.1,
  embd_pdrop: 0.1,
  resid_pdrop: 0.1,
  layer_norm_epsilon: 1e-5,
  initializer_range: 0.02,
  bos_token_id: 15,
  eos_token_id: 15,
  summary_activation: null,
  summary_first_dropout: 0.1,
  summary_proj_to_labels: true,
  summary_type: 'cls_index',
  summary_use_proj: true,
};
/** Shapes without the keys of Llama that the others leave out. */
const { num_key_value_heads: _, ...oneLayer } = llama;
const factors = { short_factor: [1, 1.5], long_factor: [1.5, 8] };
const phi3 = {
  ...oneLayer,
  model_type: 'phi3',
  architectures: ['Phi3ForCausalLM'],
  attention_bias: false,
  attention_dropout: 0,
  auto_map: { AutoConfig: 'configuration_phi3.Phi3Config', AutoModelForCausalLM: 'modeling_phi3.Phi3ForCausalLM' },
  bos_token_id: 1,
  embd_pdrop: 0,
  eos_token_id: 15,
  num_key_value_heads: 2,
  original_max_position_embeddings: 64,
  pad_token_id: 15,
  resid_pdrop: 0,
  rope_scaling: null,
  rope_theta: 10000,
  sliding_window: 2047,
  tie_word_embeddings: false,
};
const gemma2 = {
  ...oneLayer,
  model_type: 'gemma2',
  architectures: ['Gemma2ForCausalLM'],
  attention_bias: false,
  attention_dropout: 0,
  attn_logit_softcapping: 50,
  bos_token_id: 2,
  cache_implementation: 'hybrid',
  eos_token_id: 1,
  final_logit_softcapping: 30,
  head_dim: 4,
  hidden_act: 'gelu_pytorch_tanh',
  hidden_activation: 'gelu_pytorch_tanh',
  num_key_value_heads: 1,
  pad_token_id: 0,
  query_pre_attn_scalar: 256,
  rms_norm_eps: 1e-6,
  rope_theta: 10000,
  sliding_window: 4096,
};
const gemma3 = {
  ...oneLayer,
  model_type: 'gemma3_text',
  architectures: ['Gemma3ForCausalLM'],
  attention_bias: false,
  attention_dropout: 0,
  attn_logit_softcapping: null,
  bos_token_id: 2,
  cache_implementation: 'hybrid',
  eos_token_id: [1, 106],
  final_logit_softcapping: null,
  head_dim: 4,
  hidden_act: undefined,
  hidden_activation: 'gelu_pytorch_tanh',
  num_key_value_heads: 1,
  pad_token_id: 0,
  query_pre_attn_scalar: 256,
  rope_local_base_freq: 10000,
  rope_scaling: null,
  rope_theta: 1000000,
  sliding_window: 512,
  sliding_window_pattern: 6,
};
const mistral = {
  ...llama,
  architectures: ['MistralForCausalLM'],
  model_type: 'mistral',
  bos_token_id: 1,
  eos_token_id: 2,
  rope_theta: 10000,
  sliding_window: 4096,
  tie_word_embeddings: false,
};
const qwen3 = {
  ...llama,
  architectures: ['Qwen3ForCausalLM'],
  model_type: 'qwen3',
  attention_bias: false,
  attention_dropout: 0,
  bos_token_id: 14,
  eos_token_id: 15,
  head_dim: 4,
  max_window_layers: 28,
  rms_norm_eps: 1e-6,
  rope_scaling: null,
  rope_theta: 1000000,
  sliding_window: null,
  tie_word_embeddings: true,
  use_sliding_window: false,
};
/** How transformers 5 saves rotary settings and the weights' type. */
const saved5 = (config: Record<string, unknown>, rope: Record<string, unknown>) => {
  const { rope_theta: _theta, rope_scaling: _scaling, torch_dtype: _dtype, ...rest } = config;
  return { ...rest, dtype: 'bfloat16', rope_parameters: rope };
};
const labels = {
  id2label: { 0: 'LABEL_0' },
  label2id: { LABEL_0: 0 },
  task_specific_params: { 'text-generation': { do_sample: true, max_length: 50 } },
};

/** Each checkpoint's keys, and those of them that are passed over with a note. */
const published: [string, Record<string, unknown>, string[]][] = [
  ['Mistral-7B-v0.1', mistral, []],
  [
    'Mistral-7B-Instruct-v0.3',
    { ...mistral, attention_dropout: 0, rope_theta: 1000000, sliding_window: null, vocab_size: 32 },
    [],
  ],
  ['Mistral-Nemo', { ...mistral, attention_dropout: 0, head_dim: 4, rope_theta: 1000000, sliding_window: null }, []],
  ['Ministral-8B-Instruct-2410', { ...mistral, head_dim: 4, rope_theta: 1e8, sliding_window: 32768 }, []],
  [
    'a Ministral with layer_types',
    {
      ...mistral,
      architectures: ['MinistralForCausalLM'],
      model_type: 'ministral',
      head_dim: 4,
      sliding_window: 32768,
      layer_types: ['full_attention'],
    },
    [],
  ],
  ['Mistral as transformers 5 saves it', saved5(mistral, { rope_theta: 1000000, rope_type: 'default' }), []],
  ['Qwen3-0.6B', qwen3, []],
  ['Qwen3-8B', { ...qwen3, max_window_layers: 36, tie_word_embeddings: false }, []],
  [
    'Qwen3 as transformers 5 saves it, stretched as its page says',
    saved5(
      { ...qwen3, layer_types: ['full_attention'], pad_token_id: null },
      { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 32, rope_theta: 1000000 },
    ),
    [],
  ],
  [
    'SmolLM3-3B',
    {
      ...llama,
      architectures: ['SmolLM3ForCausalLM'],
      model_type: 'smollm3',
      attention_bias: false,
      attention_dropout: 0,
      bos_token_id: null,
      eos_token_id: 15,
      layer_types: ['full_attention'],
      max_window_layers: 28,
      mlp_bias: false,
      no_rope_layer_interval: 4,
      no_rope_layers: [1],
      pad_token_id: 15,
      pretraining_tp: 2,
      rope_scaling: null,
      rope_theta: 5000000,
      sliding_window: null,
      use_cache: false,
      use_sliding_window: false,
    },
    [],
  ],
  ['gemma-2-2b', gemma2, []],
  ['gemma-2-9b', { ...gemma2, sliding_window_size: 4096, query_pre_attn_scalar: 256 }, []],
  [
    'Gemma 2 as transformers 5 saves it',
    saved5(
      { ...gemma2, layer_types: ['sliding_attention'], use_bidirectional_attention: null },
      { rope_theta: 10000, rope_type: 'default' },
    ),
    [],
  ],
  ['gemma-3-1b-it', gemma3, []],
  [
    'the text part of gemma-3-4b-it',
    {
      hidden_size: 8,
      intermediate_size: 16,
      model_type: 'gemma3_text',
      num_hidden_layers: 1,
      rope_scaling: { factor: 8, rope_type: 'linear' },
      sliding_window: 1024,
      // The published file leaves these to transformers' defaults, which are large.
      vocab_size: 16,
      num_attention_heads: 2,
      num_key_value_heads: 1,
      head_dim: 4,
    },
    [],
  ],
  [
    'Gemma 3 as transformers 5 saves it',
    saved5(
      {
        ...gemma3,
        _sliding_window_pattern: 6,
        layer_types: ['sliding_attention'],
        tie_word_embeddings: true,
        use_bidirectional_attention: false,
      },
      {
        full_attention: { factor: 8, rope_theta: 1000000, rope_type: 'linear' },
        sliding_attention: { rope_theta: 10000, rope_type: 'default' },
      },
    ),
    [],
  ],
  ['Phi-3-mini-4k-instruct', phi3, []],
  [
    'Phi-3-mini-128k-instruct',
    { ...phi3, max_position_embeddings: 2048, rope_scaling: { ...factors, type: 'longrope' }, sliding_window: 262144 },
    [],
  ],
  [
    'Phi-3-mini-128k-instruct as it was first',
    { ...phi3, max_position_embeddings: 2048, rope_scaling: { ...factors, type: 'su' } },
    [],
  ],
  [
    'Phi-4-mini-instruct',
    {
      ...phi3,
      hidden_size: 16,
      full_attn_mod: 1,
      interpolate_factor: 1,
      lm_head_bias: false,
      max_position_embeddings: 2048,
      mlp_bias: false,
      num_key_value_heads: 1,
      partial_rotary_factor: 0.75,
      rope_scaling: { short_factor: [1, 1, 1], long_factor: [1, 1.1, 47], type: 'longrope' },
      sliding_window: 262144,
      tie_word_embeddings: true,
    },
    ['full_attn_mod', 'interpolate_factor'],
  ],
  [
    'Phi-3 as transformers 5 saves it',
    saved5(
      { ...phi3, max_position_embeddings: 2048 },
      {
        ...factors,
        original_max_position_embeddings: 64,
        partial_rotary_factor: 1,
        rope_theta: 10000,
        rope_type: 'longrope',
        type: 'longrope',
      },
    ),
    [],
  ],
  [
    'OLMo-2-0425-1B',
    {
      ...llama,
      architectures: ['Olmo2ForCausalLM'],
      model_type: 'olmo2',
      attention_bias: false,
      attention_dropout: 0,
      eos_token_id: 14,
      num_key_value_heads: 2,
      pad_token_id: 15,
      rms_norm_eps: 1e-6,
      rope_scaling: null,
      rope_theta: 500000,
      tie_word_embeddings: false,
    },
    [],
  ],
  ['Qwen2.5-0.5B', { ...qwen2, tie_word_embeddings: true, use_mrope: false }, []],
  [
    'DeepSeek-R1-Distill-Qwen-1.5B',
    { ...qwen2, sliding_window: 4096, max_window_layers: 21, tie_word_embeddings: false, use_mrope: false },
    [],
  ],
  [
    'Qwen2.5 with layer_types',
    { ...qwen2, layer_types: ['full_attention'], sliding_window: null, dtype: 'bfloat16' },
    [],
  ],
  [
    'Qwen2.5-7B-Instruct-1M',
    { ...qwen2, dual_chunk_attention_config: { chunk_size: 262144, local_size: 8192 } },
    ['dual_chunk_attention_config'],
  ],
  [
    'a qwen2 whose window is off, whatever its size',
    { ...qwen2, use_sliding_window: null, sliding_window: 0, max_window_layers: null, layer_types: null },
    [],
  ],
  [
    'switches that are null, which is off',
    {
      ...llama,
      attention_bias: null,
      mlp_bias: null,
      tie_word_embeddings: null,
      num_key_value_heads: null,
      head_dim: null,
      rope_theta: null,
    },
    [],
  ],
  [
    'DeepSeek-R1-Distill-Llama-8B',
    {
      ...llama,
      attention_bias: false,
      mlp_bias: false,
      pretraining_tp: 1,
      rope_theta: 5e5,
      rope_scaling: {
        factor: 8,
        low_freq_factor: 1,
        high_freq_factor: 4,
        original_max_position_embeddings: 32,
        rope_type: 'llama3',
      },
    },
    [],
  ],
  [
    'SmolLM2-135M-Instruct',
    {
      ...llama,
      is_llama_config: true,
      rope_interleaved: false,
      rope_scaling: null,
      rope_theta: 100000,
      tie_word_embeddings: true,
      'transformers.js_config': { dtype: 'q4', kv_cache_dtype: { q4f16: 'float16' } },
    },
    ['is_llama_config'],
  ],
  [
    'TinyLlama-1.1B-Chat',
    { ...llama, attention_bias: false, pretraining_tp: 1, rope_scaling: null, rope_theta: 10000 },
    [],
  ],
  [
    'LLaMA 1 and Vicuna',
    { ...llama, _name_or_path: 'x', max_sequence_length: 2048, pad_token_id: -1 },
    ['max_sequence_length'],
  ],
  [
    'Unsloth',
    { ...llama, unsloth_fixed: true, unsloth_version: '2025.5.1', pad_token_id: 15, eos_token_id: [2, 3] },
    ['unsloth_fixed', 'unsloth_version'],
  ],
  [
    'a llama with names of other families',
    {
      ...llama,
      sliding_window: 4096,
      num_labels: 2,
      neftune_noise_alpha: 5,
      _attn_implementation: 'sdpa',
      _flash_attn_2_enabled: true,
      eos_token: '</s>',
      tokenizer_padding_side: 'right',
      freeze_trunk: 0,
      extra: {},
      list: [],
      empty: '',
    },
    [
      'sliding_window',
      'num_labels',
      'neftune_noise_alpha',
      '_attn_implementation',
      '_flash_attn_2_enabled',
      'eos_token',
      'tokenizer_padding_side',
    ],
  ],
  [
    'linear scaling in its older spelling',
    { ...llama, rope_scaling: { type: 'linear', factor: 4, finetuned: false } },
    [],
  ],
  ['gpt2', { ...gpt2, task_specific_params: labels.task_specific_params }, []],
  ['distilgpt2', { ...gpt2, ...labels, _num_labels: 1 }, ['_num_labels']],
  [
    'gpt2-xl and DialoGPT',
    {
      ...gpt2,
      ...labels,
      output_past: true,
      n_special: 0,
      predict_special_tokens: true,
      gradient_checkpointing: false,
    },
    [],
  ],
];

describe('keys of published configs', () => {
  beforeAll(async () => {
    await useEngine({ engine: 'cpu' });
  });

  it.each(published)('%s is built, and what is passed over is named once', (_, config, passedOver) => {
    const model = createModel({ config, seed: 1 });
    expect(model.structure.notes.map((note) => note.split(':')[0])).toEqual(passedOver);
    expect(model.structure.notes.every((note) => note.includes('changes nothing'))).toBe(true);
    // Saved with the model as they came.
    expect(model.config).toEqual(config);
    model.dispose();
  });

  it.each<[string, Record<string, unknown>, RegExp]>([
    [
      'weights that are quantised',
      { ...llama, quantization_config: { quant_method: 'gptq', bits: 4 } },
      /quantization_config: \{"quant_method":"gptq","bits":4\}: quantised weights are not supported/,
    ],
    ['MLX’s quantised weights', { ...llama, quantization: { group_size: 64, bits: 4 } }, /quantization: .*quantised/],
    ['a rotation of three axes', { ...qwen2, use_mrope: true }, /use_mrope: true is not a setting/],
    [
      'interleaved rotation',
      { ...llama, rope_interleaved: true },
      /rope_interleaved: true is not supported; only false is/,
    ],
    [
      'capped scores',
      { ...gpt2, attention_softcap: 30 },
      /attention_softcap: 30 is not a setting that Subtext knows for this model_type/,
    ],
    ['scaled embeddings', { ...llama, embedding_multiplier: 12 }, /embedding_multiplier: 12/],
    ['normed queries and keys', { ...llama, qk_layer_norms: true }, /qk_layer_norms: true/],
    [
      'a Gemma that looks both ways',
      { ...gemma3, use_bidirectional_attention: true },
      /use_bidirectional_attention: true is not supported/,
    ],
    ['caps that nothing reads', { ...gemma3, attn_logit_softcapping: 50 }, /attn_logit_softcapping: 50/],
    ['a window without a size', { ...gemma2, sliding_window: null }, /need a "sliding_window"/],
    ['attention of other kinds', { ...qwen3, layer_types: ['linear_attention'] }, /"linear_attention"/],
    [
      'factors of another length',
      { ...phi3, rope_scaling: { type: 'longrope', short_factor: [1], long_factor: [1] } },
      /lists of 2 numbers/,
    ],
    [
      'a Phi-3 with a scaling that it never had',
      { ...phi3, rope_scaling: { type: 'linear', factor: 2 } },
      /"linear" is not supported for phi3/,
    ],
    ['layers that do not match', { ...qwen3, layer_types: [] }, /names 0 layers/],
    ['experts', { ...llama, num_local_experts: 8 }, /num_local_experts: 8/],
    [
      'nested keys with their values',
      { ...llama, rope_scaling: { type: 'yarn', factor: 4, finetuned: true } },
      /rope_scaling\.finetuned: true is not a setting/,
    ],
    ['pruned heads', { ...gpt2, pruned_heads: { 0: [1] } }, /pruned_heads/],
    ['two sizes for one', { ...gpt2, hidden_size: 16 }, /n_embd is 8 but hidden_size, an alias of it, is 16/],
  ])('%s are refused by name', (_, config, message) => {
    expect(() => createModel({ config, seed: 1 })).toThrow(message);
    expect(() => createModel({ config, seed: 1 })).toThrow(ModelFolderError);
  });

  it('a gpt2 may have its sizes under the names of other families, as in transformers', () => {
    const { n_embd, n_head, n_layer, n_positions, ...rest } = gpt2;
    const model = createModel({
      config: {
        ...rest,
        hidden_size: n_embd,
        num_attention_heads: n_head,
        num_hidden_layers: n_layer,
        max_position_embeddings: n_positions,
      },
      seed: 1,
    });
    expect(model.dimensions).toEqual({
      ...{ width: 8, layers: 1, vocabularySize: 16, maxPositions: 32 },
      keyValueHeads: 2,
    });
    model.dispose();
  });
});

describe('numbers and names of a hostile config', () => {
  it.each<[string, Record<string, unknown>, string]>([
    ['num_hidden_layers', { num_hidden_layers: 1e9 }, 'unsupported-config'],
    ['num_hidden_layers', { num_hidden_layers: 2 ** 53 - 1 }, 'unsupported-config'],
    ['num_hidden_layers', { num_hidden_layers: 1e6 }, 'unsupported-config'],
    ['num_hidden_layers', { num_hidden_layers: 1e300 }, 'unsupported-config'],
    ['hidden_size', { hidden_size: 1e12 }, 'unsupported-config'],
    ['GiB', { hidden_size: 2 ** 30 }, 'does-not-fit'],
    ['GiB', { vocab_size: 2 ** 31 - 1, hidden_size: 4096 }, 'does-not-fit'],
    ['hidden_act', { hidden_act: 'constructor' }, 'unsupported-config'],
    ['hidden_act', { hidden_act: '__proto__' }, 'unsupported-config'],
    ['rope_type', { rope_scaling: { rope_type: 'constructor' } }, 'unsupported-config'],
    ['model_type', { model_type: 'constructor' }, 'unsupported-model-type'],
    [
      '__proto__',
      JSON.parse('{"__proto__": {"expert": 1}, "num_experts": 2}') as Record<string, unknown>,
      'unsupported-config',
    ],
  ])('%s is refused before anything is made: %j', (_, change, code) => {
    const began = performance.now();
    expect(() => createModel({ config: { ...llama, ...change }, seed: 1 })).toThrow(
      expect.objectContaining({ code }) as Error,
    );
    expect(performance.now() - began).toBeLessThan(5000);
  });

  it('a language part and a vision part are looked up by names of their own', () => {
    const vision = {
      model_type: 'clip_vision_model',
      hidden_size: 8,
      intermediate_size: 16,
      num_hidden_layers: 1,
      num_attention_heads: 2,
      image_size: 8,
      patch_size: 4,
    };
    const llava = { model_type: 'llava', text_config: llama, vision_config: vision, image_token_index: 4 };
    for (const change of [
      { text_config: { ...llama, model_type: 'constructor' } },
      { vision_config: { ...vision, model_type: 'toString' } },
    ]) {
      expect(() => createModel({ config: { ...llava, ...change }, seed: 1 })).toThrow(
        expect.objectContaining({ code: 'unsupported-model-type' }) as Error,
      );
    }
    expect(() =>
      createModel({ config: { ...llava, vision_config: { ...vision, num_hidden_layers: 1e9 } }, seed: 1 }),
    ).toThrow(/num_hidden_layers/);
  });

  it('a budget can be lowered and raised', () => {
    expect(() => createModel({ config: llama, seed: 1, memoryBudget: 1000 })).toThrow(
      /the budget is 0\.0.*memoryBudget/,
    );
  });
});
