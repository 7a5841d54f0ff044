import { flag, harmless, parseConfig } from '@subtext/nn';
import { z } from 'zod';
import { decoderConfigKeys, decoderFamily, decoderSettings } from './decoder-config';

/** Every key of a Llama config (`transformers/models/llama/configuration_llama.py`), with its defaults. */
const schema = z.object({
  ...decoderConfigKeys({
    vocab_size: 32000,
    hidden_size: 4096,
    intermediate_size: 11008,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    num_key_value_heads: null,
    max_position_embeddings: 2048,
    rms_norm_eps: 1e-6,
    tie_word_embeddings: false,
  }),
  model_type: z.literal('llama'),
  attention_bias: flag(false),
  mlp_bias: flag(false),
  /** Tensor parallelism during pretraining; does not affect results. */
  pretraining_tp: harmless,
});

/** Llama 2 and 3 (arXiv 2302.13971, 2307.09288, 2407.21783), and the many models with the same architecture. */
export const llamaFamily = decoderFamily({
  modelType: 'llama',
  architecture: 'LlamaForCausalLM',
  read({ config, path, at }) {
    const settings = parseConfig({ schema, config, path, at });
    return decoderSettings({
      config: settings,
      path,
      changes: {
        queryKeyValueBias: settings.attention_bias,
        outputBias: settings.attention_bias,
        feedForwardBias: settings.mlp_bias,
      },
    });
  },
});
