import { tf, useEngine } from '@subtext/tensor';
import { beforeAll, describe, expect, it } from 'vitest';

import { createModel } from './create-model';
import { textModelOf } from './text-model-of';

const text = {
  model_type: 'llama',
  hidden_size: 16,
  intermediate_size: 32,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  vocab_size: 20,
  max_position_embeddings: 32,
};
const vision = {
  model_type: 'clip_vision_model',
  hidden_size: 16,
  intermediate_size: 32,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  image_size: 16,
  patch_size: 8,
};

beforeAll(async () => {
  await useEngine({ engine: 'wasm' });
});

describe('textModelOf', () => {
  it.each([
    [
      'a multimodal model, tied',
      {
        model_type: 'llava',
        image_token_index: 19,
        vision_config: vision,
        text_config: { ...text, tie_word_embeddings: true },
        tie_word_embeddings: true,
      },
    ],
    [
      'a multimodal model, untied',
      {
        model_type: 'llava',
        image_token_index: 19,
        vision_config: vision,
        text_config: { ...text, tie_word_embeddings: false },
      },
    ],
    ...['gemma2', 'phi3'].map((type): [string, Record<string, unknown>] => [
      `a multimodal model around a ${type}`,
      {
        model_type: 'llava',
        image_token_index: 19,
        vision_config: vision,
        // An output layer whose logits a cap would change.
        text_config: { ...text, model_type: type, initializer_range: 2 },
      },
    ]),
    [
      'a smolvlm',
      {
        model_type: 'smolvlm',
        image_token_id: 19,
        scale_factor: 2,
        vision_config: { ...vision, model_type: 'smolvlm_vision' },
        text_config: text,
      },
    ],
    ['a text model', text],
    [
      'an mllama without a picture',
      {
        model_type: 'mllama',
        image_token_index: 20,
        text_config: { ...text, model_type: 'mllama_text_model', num_hidden_layers: 4, cross_attention_layers: [1, 3] },
        vision_config: {
          model_type: 'mllama_vision_model',
          hidden_size: 16,
          intermediate_size: 32,
          num_hidden_layers: 1,
          num_global_layers: 1,
          attention_heads: 2,
          image_size: 16,
          patch_size: 8,
          max_num_tiles: 1,
          supported_aspect_ratios: [[1, 1]],
          intermediate_layers_indices: [0],
          vision_output_dim: 32,
        },
      },
    ],
  ])('gives the same logits as %s, with weights of its own', (_, config) => {
    const model = createModel({ config, seed: 3 });
    const copy = textModelOf({ model });
    const logitsOf = (of: typeof model) =>
      tf.tidy(() => [
        ...of
          .logits(of.forward({ embeddings: of.embed(tf.tensor2d([[1, 5, 7, 2]], [1, 4], 'int32')) }).hidden)
          .dataSync(),
      ]);
    const before = logitsOf(model);
    expect(logitsOf(copy)).toEqual(before);
    for (const [, variable] of copy.parameters.entries()) variable.assign(tf.zerosLike(variable));
    expect(logitsOf(model)).toEqual(before);
    model.dispose();
    copy.dispose();
  });
});
