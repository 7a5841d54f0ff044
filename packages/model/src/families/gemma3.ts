import { harmless, neutral, parseConfig, positiveInteger, readRotaryConfig, rotaryParameters } from '@subtext/nn';
import { z } from 'zod';
import { decoderConfigKeys, decoderFamily, decoderSettings, layerWindows } from './decoder-config';
import { gemmaChanges, gemmaKeys } from './gemma2';

/** Every key of a Gemma 3 text config (`transformers/models/gemma3/configuration_gemma3.py`), with its defaults. */
const schema = z.object({
  ...decoderConfigKeys({
    vocab_size: 262208,
    hidden_size: 2304,
    intermediate_size: 9216,
    num_hidden_layers: 26,
    num_attention_heads: 8,
    num_key_value_heads: 4,
    head_dim: 256,
    max_position_embeddings: 131072,
    rms_norm_eps: 1e-6,
    tie_word_embeddings: true,
  }),
  ...gemmaKeys,
  model_type: z.literal('gemma3_text'),
  /** transformers does not read it either; a value other than the default is rejected, since it would be intended. */
  attn_logit_softcapping: neutral(),
  final_logit_softcapping: z.number().positive().nullish(),
  /** One in this many layers has full attention, if `layer_types` is missing. */
  sliding_window_pattern: positiveInteger.default(6),
  /** Written by transformers 5 beside `layer_types`, and no longer read. */
  _sliding_window_pattern: harmless,
  /** Rotary base of layers with a sliding window. */
  rope_local_base_freq: z.number().positive().nullish(),
  /** One per layer type. */
  rope_parameters: z.strictObject({ full_attention: rotaryParameters, sliding_attention: rotaryParameters }).nullish(),
});

/**
 * Gemma 3 text models (arXiv 2503.19786): Gemma 2 with query and key norms per head instead of soft caps, five
 * sliding-window layers per full-attention layer, and a rotary embedding for each kind.
 */
export const gemma3Family = decoderFamily({
  modelType: 'gemma3_text',
  architecture: 'Gemma3ForCausalLM',
  read({ config, path, at }) {
    const settings = parseConfig({ schema, config, path, at });
    const pattern = settings.sliding_window_pattern;
    const windows = layerWindows({
      config: settings,
      path,
      defaultType: (index) => ((index + 1) % pattern === 0 ? 'full_attention' : 'sliding_attention'),
    });
    const { full_attention: full, sliding_attention: sliding } = settings.rope_parameters ?? {};
    const shared = { ...settings, hidden_act: settings.hidden_activation, rope_scaling: undefined };
    const local = readRotaryConfig({
      config: { ...shared, rope_theta: settings.rope_local_base_freq, rope_parameters: sliding },
      path,
    });
    const whole = decoderSettings({
      config: { ...shared, rope_parameters: { ...full, ...settings.rope_scaling } },
      path,
      defaultTheta: 1_000_000,
      changes: { ...gemmaChanges(settings), queryKeyNorm: 'head', logitSoftCap: settings.final_logit_softcapping },
    });
    const rotary = { theta: local.theta, scaling: local.scaling };
    return {
      ...whole,
      layerOptions: windows.map((own) => (own.type === 'sliding_attention' ? { ...own, rotary } : own)),
    };
  },
});
