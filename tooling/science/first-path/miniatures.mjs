import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { createModel, saveModel } from '../../../packages/model/dist/index.js';

/** What all miniatures share: sizes that take no time. */
const size = {
  hidden_size: 32,
  intermediate_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 256,
};
const llama = {
  ...size,
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  attention_bias: false,
  attention_dropout: 0,
  hidden_act: 'silu',
  initializer_range: 0.02,
  mlp_bias: false,
  pretraining_tp: 1,
  rms_norm_eps: 1e-5,
  torch_dtype: 'bfloat16',
  use_cache: true,
};
const qwen2 = {
  ...size,
  architectures: ['Qwen2ForCausalLM'],
  model_type: 'qwen2',
  attention_dropout: 0,
  hidden_act: 'silu',
  initializer_range: 0.02,
  max_window_layers: 24,
  rms_norm_eps: 1e-6,
  rope_theta: 1e6,
  sliding_window: 32768,
  torch_dtype: 'bfloat16',
  use_cache: true,
  use_mrope: false,
  use_sliding_window: false,
};

const words =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const split = (pattern) => ({
  type: 'Sequence',
  pretokenizers: [
    { type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false },
    { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false },
  ],
});
const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false };
/** The template of a tokenizer that begins each text with a token. */
const beginsWith = (token, id) => ({
  type: 'Sequence',
  processors: [
    { type: 'ByteLevel', add_prefix_space: true, trim_offsets: false, use_regex: true },
    {
      type: 'TemplateProcessing',
      single: [{ SpecialToken: { id: token, type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
      pair: [
        { SpecialToken: { id: token, type_id: 0 } },
        { Sequence: { id: 'A', type_id: 0 } },
        { SpecialToken: { id: token, type_id: 1 } },
        { Sequence: { id: 'B', type_id: 1 } },
      ],
      special_tokens: { [token]: { id: token, ids: [id], tokens: [token] } },
    },
  ],
});
const deepSeekBegin = '<｜begin▁of▁sentence｜>';
const deepSeekEnd = '<｜end▁of▁sentence｜>';

/** Published checkpoints: the keys of their config.json, tokenizer.json and tokenizer_config.json, with sizes of our own. */
export const miniatures = {
  'Qwen2.5-0.5B': {
    config: { ...qwen2, tie_word_embeddings: true },
    begin: '<|endoftext|>',
    end: '<|endoftext|>',
    special: ['<|endoftext|>', '<|im_start|>', '<|im_end|>'],
    tokenizer: {
      normalizer: { type: 'NFC' },
      pre_tokenizer: split(words.replace('{1,3}', '')),
      post_processor: { ...byteLevel, trim_offsets: false },
    },
    settings: {
      add_bos_token: false,
      add_prefix_space: false,
      additional_special_tokens: ['<|im_start|>', '<|im_end|>'],
      bos_token: null,
      clean_up_tokenization_spaces: false,
      eos_token: '<|endoftext|>',
      errors: 'replace',
      model_max_length: 131072,
      pad_token: '<|endoftext|>',
      split_special_tokens: false,
      tokenizer_class: 'Qwen2Tokenizer',
      unk_token: null,
    },
  },
  'SmolLM2-135M': {
    config: {
      ...llama,
      is_llama_config: true,
      rope_interleaved: false,
      rope_scaling: null,
      rope_theta: 100000,
      tie_word_embeddings: true,
    },
    begin: '<|endoftext|>',
    end: '<|endoftext|>',
    special: ['<|endoftext|>', '<|im_start|>', '<|im_end|>'],
    tokenizer: {
      normalizer: null,
      pre_tokenizer: {
        type: 'Sequence',
        pretokenizers: [
          { type: 'Digits', individual_digits: true },
          { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
        ],
      },
      post_processor: null,
    },
    settings: {
      add_prefix_space: false,
      additional_special_tokens: ['<|endoftext|>', '<|im_start|>', '<|im_end|>'],
      bos_token: '<|endoftext|>',
      clean_up_tokenization_spaces: false,
      eos_token: '<|endoftext|>',
      model_max_length: 8192,
      tokenizer_class: 'GPT2Tokenizer',
      unk_token: '<|endoftext|>',
      vocab_size: 49152,
    },
  },
  'Llama-3.2-1B': {
    config: {
      ...llama,
      head_dim: 8,
      rope_scaling: {
        factor: 32,
        high_freq_factor: 4,
        low_freq_factor: 1,
        original_max_position_embeddings: 128,
        rope_type: 'llama3',
      },
      rope_theta: 500000,
      tie_word_embeddings: true,
    },
    begin: '<|begin_of_text|>',
    end: '<|end_of_text|>',
    special: ['<|begin_of_text|>', '<|end_of_text|>', '<|eot_id|>'],
    tokenizer: { normalizer: null, pre_tokenizer: split(words), post_processor: 'begins', ignoreMerges: true },
    settings: {
      bos_token: '<|begin_of_text|>',
      clean_up_tokenization_spaces: true,
      eos_token: '<|end_of_text|>',
      model_input_names: ['input_ids', 'attention_mask'],
      model_max_length: 131072,
      tokenizer_class: 'PreTrainedTokenizerFast',
    },
  },
  distilgpt2: {
    config: {
      _num_labels: 1,
      activation_function: 'gelu_new',
      architectures: ['GPT2LMHeadModel'],
      attn_pdrop: 0.1,
      embd_pdrop: 0.1,
      id2label: { 0: 'LABEL_0' },
      initializer_range: 0.02,
      label2id: { LABEL_0: 0 },
      layer_norm_epsilon: 1e-5,
      model_type: 'gpt2',
      n_ctx: 256,
      n_embd: 32,
      n_head: 4,
      n_layer: 2,
      n_positions: 256,
      resid_pdrop: 0.1,
      summary_activation: null,
      summary_first_dropout: 0.1,
      summary_proj_to_labels: true,
      summary_type: 'cls_index',
      summary_use_proj: true,
      task_specific_params: { 'text-generation': { do_sample: true, max_length: 50 } },
    },
    begin: '<|endoftext|>',
    end: '<|endoftext|>',
    special: ['<|endoftext|>'],
    tokenizer: {
      normalizer: null,
      pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true },
      post_processor: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: false },
    },
    settings: { model_max_length: 1024, tokenizer_class: 'GPT2Tokenizer' },
  },
  'DeepSeek-R1-Distill-Qwen-1.5B': {
    config: { ...qwen2, max_window_layers: 21, rope_theta: 10000, sliding_window: 4096, tie_word_embeddings: false },
    begin: deepSeekBegin,
    end: deepSeekEnd,
    special: [deepSeekEnd, '<｜User｜>', '<｜Assistant｜>', deepSeekBegin, '<think>', '</think>'],
    tokenizer: {
      normalizer: { type: 'Sequence', normalizers: [] },
      pre_tokenizer: split(words),
      post_processor: 'begins',
    },
    settings: {
      add_bos_token: true,
      add_eos_token: false,
      bos_token: {
        __type: 'AddedToken',
        content: deepSeekBegin,
        lstrip: false,
        normalized: true,
        rstrip: false,
        single_word: false,
      },
      clean_up_tokenization_spaces: false,
      eos_token: {
        __type: 'AddedToken',
        content: deepSeekEnd,
        lstrip: false,
        normalized: true,
        rstrip: false,
        single_word: false,
      },
      legacy: true,
      model_max_length: 16384,
      pad_token: {
        __type: 'AddedToken',
        content: deepSeekEnd,
        lstrip: false,
        normalized: true,
        rstrip: false,
        single_word: false,
      },
      sp_model_kwargs: {},
      unk_token: null,
      tokenizer_class: 'LlamaTokenizerFast',
    },
  },
};

/** GPT-2's characters for bytes. */
function byteCharacters() {
  const printable = [...Array(256).keys()].filter(
    (byte) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174,
  );
  let next = 256;
  return [...Array(256).keys()].map((byte) => String.fromCodePoint(printable.includes(byte) ? byte : next++));
}

/** Writes a checkpoint in miniature: random weights, the published keys, a tokenizer of bytes and some pairs. */
export async function writeMiniature({ name, folder }) {
  const { config, begin, end, special, tokenizer, settings } = miniatures[name];
  const pairs = ['Ġ +', 'Ġ -', 'Ġ *', 'Ġ =', 't h', 'th e'].map((pair) => pair.split(' '));
  const vocab = Object.fromEntries(
    [...byteCharacters(), ...pairs.map((pair) => pair.join(''))].map((token, id) => [token, id]),
  );
  const base = Object.keys(vocab).length;
  const ids = Object.fromEntries(special.map((token, index) => [token, base + index]));
  const model = createModel({
    config: { ...config, vocab_size: base + special.length, bos_token_id: ids[begin], eos_token_id: ids[end] },
    seed: 1,
  });
  await mkdir(folder, { recursive: true });
  await saveModel({ model, folder });
  model.dispose();
  const added = special.map((content) => ({
    id: ids[content],
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: content !== '<think>' && content !== '</think>',
  }));
  const { ignoreMerges, post_processor, ...parts } = tokenizer;
  const file = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added,
    ...parts,
    post_processor: post_processor === 'begins' ? beginsWith(begin, ids[begin]) : post_processor,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: '',
      end_of_word_suffix: '',
      fuse_unk: false,
      byte_fallback: false,
      ...(ignoreMerges && { ignore_merges: true }),
      vocab,
      merges: pairs.map((pair) => pair.join(' ')),
    },
  };
  await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(file));
  const decoder = Object.fromEntries(added.map(({ id, ...token }) => [id, token]));
  await writeFile(
    join(folder, 'tokenizer_config.json'),
    JSON.stringify({ ...(name !== 'distilgpt2' && { added_tokens_decoder: decoder }), ...settings }),
  );
}
