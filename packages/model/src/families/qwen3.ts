import { flag, parseConfig } from '@subtext/nn';
import { z } from 'zod';
import { decoderConfigKeys, decoderFamily, decoderSettings, windowKeys } from './decoder-config';
import { qwenWindows } from './qwen2';

/** Every key of a Qwen3 config (`transformers/models/qwen3/configuration_qwen3.py`), with its defaults. */
const schema = z.object({
  ...decoderConfigKeys({
    vocab_size: 151936,
    hidden_size: 4096,
    intermediate_size: 22016,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    num_key_value_heads: 32,
    head_dim: 128,
    max_position_embeddings: 32768,
    rms_norm_eps: 1e-6,
    tie_word_embeddings: false,
  }),
  ...windowKeys,
  model_type: z.literal('qwen3'),
  attention_bias: flag(false),
  use_sliding_window: flag(false),
  /** Used only if use_sliding_window is true. */
  sliding_window: z.number().nullable().default(4096),
  max_window_layers: z.number().nullish(),
});

/** Qwen3 (arXiv 2505.09388): Llama with query and key norms per head, and a separate head width. */
export const qwen3Family = decoderFamily({
  modelType: 'qwen3',
  architecture: 'Qwen3ForCausalLM',
  read({ config, path, at }) {
    const settings = parseConfig({ schema, config, path, at });
    return decoderSettings({
      config: settings,
      path,
      changes: {
        queryKeyNorm: 'head',
        queryKeyValueBias: settings.attention_bias,
        outputBias: settings.attention_bias,
        layerOptions: qwenWindows({ config: settings, path }),
      },
    });
  },
});
