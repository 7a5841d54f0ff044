import { activationName, flag, harmless, neutral, parseConfig, positiveInteger } from '@subtext/nn';
import { z } from 'zod';
import { decoderConfigKeys, decoderFamily, decoderSettings, layerWindows, windowKeys } from './decoder-config';

/** Keys shared by Gemma 2 and 3. */
export const gemmaKeys = {
  ...windowKeys,
  attention_bias: flag(false),
  hidden_activation: activationName.prefault('gelu_pytorch_tanh'),
  /** A leftover from Gemma 1, no longer read. */
  hidden_act: harmless,
  /** Attention scores are divided by its square root. */
  query_pre_attn_scalar: z.number().positive().default(256),
  sliding_window: positiveInteger.nullable().default(4096),
  /** An alternative name in some published files, which transformers does not read. */
  sliding_window_size: harmless,
  use_bidirectional_attention: neutral(false),
  /** transformers' KV cache type. */
  cache_implementation: harmless,
};

/** Every key of a Gemma 2 config (`transformers/models/gemma2/configuration_gemma2.py`), with its defaults. */
const schema = z.object({
  ...decoderConfigKeys({
    vocab_size: 256000,
    hidden_size: 2304,
    intermediate_size: 9216,
    num_hidden_layers: 26,
    num_attention_heads: 8,
    num_key_value_heads: 4,
    head_dim: 256,
    max_position_embeddings: 8192,
    rms_norm_eps: 1e-6,
    tie_word_embeddings: true,
  }),
  ...gemmaKeys,
  model_type: z.literal('gemma2'),
  attn_logit_softcapping: z.number().positive().nullable().default(50),
  final_logit_softcapping: z.number().positive().nullable().default(30),
});

/** What Gemma 2 and 3 change relative to Llama. */
export function gemmaChanges(settings: {
  hidden_size: number;
  hidden_activation: z.output<typeof gemmaKeys.hidden_activation>;
  query_pre_attn_scalar: number;
  attention_bias: boolean;
}) {
  return {
    activation: settings.hidden_activation,
    norms: 'both',
    normOffset: 1,
    embeddingScale: Math.fround(Math.sqrt(settings.hidden_size)),
    attentionScale: 1 / Math.sqrt(settings.query_pre_attn_scalar),
    queryKeyValueBias: settings.attention_bias,
    outputBias: settings.attention_bias,
  } as const;
}

/**
 * Gemma 2 (arXiv 2408.00118): norms before and after attention and feed-forward, with weights stored as the difference
 * from 1; scaled embeddings, soft-capped scores and logits, and a sliding window on every second layer.
 */
export const gemma2Family = decoderFamily({
  modelType: 'gemma2',
  architecture: 'Gemma2ForCausalLM',
  read({ config, path, at }) {
    const settings = parseConfig({ schema, config, path, at });
    const layerOptions = layerWindows({
      config: settings,
      path,
      defaultType: (index) => (index % 2 === 0 ? 'sliding_attention' : 'full_attention'),
    });
    return decoderSettings({
      config: { ...settings, hidden_act: settings.hidden_activation },
      path,
      changes: {
        ...gemmaChanges(settings),
        attentionSoftCap: settings.attn_logit_softcapping,
        logitSoftCap: settings.final_logit_softcapping,
        layerOptions,
      },
    });
  },
});
