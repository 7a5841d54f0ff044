import { flag, parseConfig } from '@subtext/nn';
import { z } from 'zod';
import { decoderConfigKeys, decoderFamily, decoderSettings } from './decoder-config';

/** Every key of an OLMo-2 config (`transformers/models/olmo2/configuration_olmo2.py`), with its defaults. */
const schema = z.object({
  ...decoderConfigKeys({
    vocab_size: 50304,
    hidden_size: 4096,
    intermediate_size: 11008,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    num_key_value_heads: null,
    max_position_embeddings: 2048,
    rms_norm_eps: 1e-5,
    tie_word_embeddings: false,
  }),
  model_type: z.literal('olmo2'),
  attention_bias: flag(false),
});

/**
 * OLMo-2 (arXiv 2501.00656): norms after attention and feed-forward instead of before, and query and key norms over all
 * heads.
 */
export const olmo2Family = decoderFamily({
  modelType: 'olmo2',
  architecture: 'Olmo2ForCausalLM',
  read({ config, path, at }) {
    const settings = parseConfig({ schema, config, path, at });
    return decoderSettings({
      config: settings,
      path,
      changes: {
        norms: 'after',
        queryKeyNorm: 'whole',
        queryKeyValueBias: settings.attention_bias,
        outputBias: settings.attention_bias,
      },
    });
  },
});
