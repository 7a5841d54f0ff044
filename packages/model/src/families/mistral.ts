import { parseConfig, positiveInteger } from '@subtext/nn';
import { z } from 'zod';
import { decoderConfigKeys, decoderFamily, decoderSettings, layerWindows, windowKeys } from './decoder-config';

const sharedKeys = {
  ...decoderConfigKeys({
    vocab_size: 32000,
    hidden_size: 4096,
    intermediate_size: 14336,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    num_key_value_heads: 8,
    max_position_embeddings: 131072,
    rms_norm_eps: 1e-6,
    tie_word_embeddings: false,
  }),
  /** Null: full attention in every layer. */
  sliding_window: positiveInteger.nullable().default(4096),
};

/** Every key of a Mistral config (`transformers/models/mistral/configuration_mistral.py`), with its defaults. */
const schema = z.object({ ...sharedKeys, model_type: z.literal('mistral') });

/** Mistral (arXiv 2310.06825): Llama with a sliding window on every layer, or on none. */
export const mistralFamily = decoderFamily({
  modelType: 'mistral',
  architecture: 'MistralForCausalLM',
  read({ config, path, at }) {
    const settings = parseConfig({ schema, config, path, at });
    const defaultType = settings.sliding_window === null ? 'full_attention' : 'sliding_attention';
    const layerOptions = layerWindows({ config: settings, path, defaultType: () => defaultType });
    return decoderSettings({ config: settings, path, changes: { layerOptions } });
  },
});

/** Every key of a Ministral config (`transformers/models/ministral/configuration_ministral.py`), with its defaults. */
const ministralSchema = z.object({ ...sharedKeys, ...windowKeys, ...sharedKeys, model_type: z.literal('ministral') });

/** Ministral: Mistral with a sliding window set per layer. */
export const ministralFamily = decoderFamily({
  modelType: 'ministral',
  architecture: 'MinistralForCausalLM',
  read({ config, path, at }) {
    const settings = parseConfig({ schema: ministralSchema, config, path, at });
    const defaultType = settings.sliding_window === null ? 'full_attention' : 'sliding_attention';
    const layerOptions = layerWindows({ config: settings, path, defaultType: () => defaultType });
    return decoderSettings({ config: settings, path, changes: { layerOptions } });
  },
});
