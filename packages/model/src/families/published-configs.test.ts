import { ModelStructure } from '@subtext/nn';
import { Parameters } from '@subtext/tensor';
import { describe, expect, it } from 'vitest';

import { findFamily } from './registry';

/** What transformers 4 wrote into every part of a config. */
const everywhere = {
  _name_or_path: '',
  add_cross_attention: false,
  architectures: null,
  bad_words_ids: null,
  begin_suppress_tokens: null,
  chunk_size_feed_forward: 0,
  cross_attention_hidden_size: null,
  decoder_start_token_id: null,
  diversity_penalty: 0,
  do_sample: false,
  early_stopping: false,
  encoder_no_repeat_ngram_size: 0,
  exponential_decay_length_penalty: null,
  finetuning_task: null,
  forced_bos_token_id: null,
  forced_eos_token_id: null,
  id2label: { 0: 'LABEL_0', 1: 'LABEL_1' },
  is_decoder: false,
  is_encoder_decoder: false,
  label2id: { LABEL_0: 0, LABEL_1: 1 },
  length_penalty: 1,
  max_length: 20,
  min_length: 0,
  no_repeat_ngram_size: 0,
  num_beam_groups: 1,
  num_beams: 1,
  num_return_sequences: 1,
  output_attentions: false,
  output_hidden_states: false,
  output_scores: false,
  prefix: null,
  problem_type: null,
  pruned_heads: {},
  remove_invalid_values: false,
  repetition_penalty: 1,
  return_dict: true,
  return_dict_in_generate: false,
  sep_token_id: null,
  suppress_tokens: null,
  task_specific_params: null,
  temperature: 1,
  tf_legacy_loss: false,
  tie_encoder_decoder: false,
  tie_word_embeddings: false,
  tokenizer_class: null,
  top_k: 50,
  top_p: 1,
  torch_dtype: 'bfloat16',
  torchscript: false,
  typical_p: 1,
  use_bfloat16: false,
};

/** The configs of published checkpoints, as their folders hold them. */
const published = {
  'llava-1.5-7b-hf': {
    architectures: ['LlavaForConditionalGeneration'],
    ignore_index: -100,
    image_token_index: 32000,
    model_type: 'llava',
    pad_token_id: 32001,
    projector_hidden_act: 'gelu',
    text_config: {
      _name_or_path: 'lmsys/vicuna-7b-v1.5',
      architectures: ['LlamaForCausalLM'],
      max_position_embeddings: 4096,
      model_type: 'llama',
      rms_norm_eps: 1e-5,
      torch_dtype: 'float16',
      vocab_size: 32064,
    },
    tie_word_embeddings: false,
    torch_dtype: 'float16',
    transformers_version: '4.36.0.dev0',
    vision_config: {
      hidden_size: 1024,
      image_size: 336,
      intermediate_size: 4096,
      model_type: 'clip_vision_model',
      num_attention_heads: 16,
      num_hidden_layers: 24,
      patch_size: 14,
      projection_dim: 768,
      vocab_size: 32000,
    },
    vision_feature_layer: -2,
    vision_feature_select_strategy: 'default',
    vocab_size: 32064,
  },
  'SmolVLM2-500M-Video-Instruct': {
    architectures: ['SmolVLMForConditionalGeneration'],
    image_token_id: 49190,
    model_type: 'smolvlm',
    pad_token_id: 128002,
    scale_factor: 4,
    text_config: {
      architectures: ['VLlama3ForCausalLM'],
      head_dim: 64,
      hidden_size: 960,
      intermediate_size: 2560,
      is_llama_config: true,
      max_position_embeddings: 8192,
      model_type: 'llama',
      neftune_noise_alpha: 0,
      num_attention_heads: 15,
      num_hidden_layers: 32,
      num_key_value_heads: 5,
      pad_token_id: 2,
      pixel_shuffle_factor: 4,
      qk_layer_norms: false,
      rms_norm_eps: 1e-5,
      rope_interleaved: false,
      rope_theta: 100000,
      torch_dtype: 'bfloat16',
      use_resampler: false,
      vocab_size: 49280,
    },
    tie_word_embeddings: false,
    torch_dtype: 'float32',
    transformers_version: '4.47.1',
    use_cache: false,
    use_reentrant_checkpointing: false,
    vision_config: {
      hidden_size: 768,
      image_size: 512,
      max_image_size: { longest_edge: 512 },
      model_type: 'smolvlm_vision',
      num_attention_heads: 12,
      patch_size: 16,
      size: { longest_edge: 2048 },
      tie_word_embeddings: false,
      use_base_siglip: false,
    },
    vocab_size: 49280,
  },
  'Llama-3.2-11B-Vision': {
    architectures: ['MllamaForConditionalGeneration'],
    image_token_index: 128256,
    model_type: 'mllama',
    torch_dtype: 'bfloat16',
    transformers_version: '4.45.0.dev0',
    text_config: {
      ...everywhere,
      bos_token_id: 128000,
      cross_attention_layers: [3, 8, 13, 18, 23, 28, 33, 38],
      dropout: 0,
      eos_token_id: 128001,
      hidden_act: 'silu',
      hidden_size: 4096,
      initializer_range: 0.02,
      intermediate_size: 14336,
      max_position_embeddings: 131072,
      model_type: 'mllama_text_model',
      num_attention_heads: 32,
      num_hidden_layers: 40,
      num_key_value_heads: 8,
      pad_token_id: 128004,
      rms_norm_eps: 1e-5,
      rope_scaling: {
        factor: 8,
        high_freq_factor: 4,
        low_freq_factor: 1,
        original_max_position_embeddings: 8192,
        rope_type: 'llama3',
      },
      rope_theta: 500000,
      use_cache: true,
      vocab_size: 128256,
    },
    vision_config: {
      ...everywhere,
      attention_heads: 16,
      bos_token_id: null,
      eos_token_id: null,
      hidden_act: 'gelu',
      hidden_size: 1280,
      image_size: 448,
      intermediate_layers_indices: [3, 7, 15, 23, 30],
      intermediate_size: 5120,
      max_num_tiles: 4,
      model_type: 'mllama_vision_model',
      norm_eps: 1e-5,
      num_channels: 3,
      num_global_layers: 8,
      num_hidden_layers: 32,
      pad_token_id: null,
      patch_size: 14,
      supported_aspect_ratios: [
        [1, 1],
        [1, 2],
        [1, 3],
        [1, 4],
        [2, 1],
        [2, 2],
        [3, 1],
        [4, 1],
      ],
      vision_output_dim: 7680,
    },
  },
};

describe('configs of published checkpoints', () => {
  it.each(Object.entries(published))('%s is understood', (name, config) => {
    const structure = new ModelStructure({ parameters: new Parameters() });
    findFamily({ modelType: config.model_type, path: name }).build({ config, structure, path: name });
    const parameters = [...structure.declarations.values()].reduce(
      (sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1),
      0,
    );
    // The sizes that the Hub shows for them.
    const millions = { 'llava-1.5-7b-hf': 7063, 'SmolVLM2-500M-Video-Instruct': 507, 'Llama-3.2-11B-Vision': 10643 }[
      name
    ]!;
    expect(Math.round(parameters / 1e6)).toBe(millions);
  });

  it('what they leave off is refused when it is on', () => {
    const config = published['SmolVLM2-500M-Video-Instruct'];
    const build = (text: object) => () =>
      findFamily({ modelType: 'smolvlm', path: 'x' }).build({
        config: { ...config, text_config: { ...config.text_config, ...text } },
        structure: new ModelStructure({ parameters: new Parameters() }),
        path: 'x',
      });
    expect(build({ qk_layer_norms: true })).toThrow(/qk_layer_norms true is not supported/);
    expect(build({ pruned_heads: { 0: [1] } })).toThrow(/text_config\.pruned_heads/);
  });
});
