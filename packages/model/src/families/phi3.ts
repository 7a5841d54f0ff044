import { dropoutRate, ModelFolderError, parseConfig, positiveInteger } from '@subtext/nn';
import { z } from 'zod';
import { decoderConfigKeys, decoderFamily, decoderSettings, layerWindows } from './decoder-config';

/** Every key of a Phi-3 config (`transformers/models/phi3/configuration_phi3.py`), with its defaults. */
const schema = z.object({
  ...decoderConfigKeys({
    vocab_size: 32064,
    hidden_size: 3072,
    intermediate_size: 8192,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    num_key_value_heads: null,
    max_position_embeddings: 4096,
    rms_norm_eps: 1e-5,
    tie_word_embeddings: false,
  }),
  model_type: z.literal('phi3'),
  original_max_position_embeddings: positiveInteger.default(4096),
  /** Null: full attention in every layer. */
  sliding_window: positiveInteger.nullish(),
  embd_pdrop: dropoutRate,
  resid_pdrop: dropoutRate,
});

/** Rotary settings with the key names that early Phi-3 files use for LongRoPE. */
function withLongRope<Rotation extends { rope_type?: string | null; type?: string | null } | null | undefined>(
  rotation: Rotation,
): Rotation {
  const type = rotation?.rope_type ?? rotation?.type;
  return rotation && (type === 'su' || type === 'yarn') ? { ...rotation, rope_type: 'longrope' } : rotation;
}

/**
 * Phi-3, Phi-3.5 and Phi-4 mini (arXiv 2404.14219, 2503.01743): Llama with fused projections and LongRoPE; Phi-4 mini
 * rotates three quarters of each head.
 */
export const phi3Family = decoderFamily({
  modelType: 'phi3',
  architecture: 'Phi3ForCausalLM',
  read({ config, path, at }) {
    const settings = parseConfig({ schema, config, path, at });
    const defaultType = typeof settings.sliding_window === 'number' ? 'sliding_attention' : 'full_attention';
    const read = decoderSettings({
      config: {
        ...settings,
        rope_scaling: withLongRope(settings.rope_scaling),
        rope_parameters: withLongRope(settings.rope_parameters),
      },
      path,
      partial: true,
      changes: { fused: true, layerOptions: layerWindows({ config: settings, path, defaultType: () => defaultType }) },
    });
    const { type } = read.rotary.scaling;
    if (type !== 'default' && type !== 'longrope')
      throw new ModelFolderError({
        code: 'unsupported-config',
        path,
        message: `the rope_type "${type}" is not supported for phi3; these are: default, longrope.`,
      });
    return read;
  },
});
