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
  /** Read by nothing in transformers either; what is set would be meant. */
  attn_logit_softcapping: neutral(),
  final_logit_softcapping: z.number().positive().nullish(),
  /** Every so many layers, one sees all earlier positions; where `layer_types` is left out. */
  sliding_window_pattern: positiveInteger.default(6),
  /** transformers 5 writes it beside `layer_types`, and reads it no more. */
  _sliding_window_pattern: harmless,
  /** The base of the rotation in layers with a window. */
  rope_local_base_freq: z.number().positive().nullish(),
  /** For each type of layer its own. */
  rope_parameters: z.strictObject({ full_attention: rotaryParameters, sliding_attention: rotaryParameters }).nullish(),
});

/**
 * Gemma 3's text models (arXiv 2503.19786): Gemma 2 with norms of single heads' queries and keys in place of caps, five
 * layers with a window to one without, and a rotation for either kind.
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
