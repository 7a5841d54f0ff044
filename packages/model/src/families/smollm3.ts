import { flag, harmless, ModelFolderError, parseConfig, positiveInteger } from '@subtext/nn';
import { z } from 'zod';
import { decoderConfigKeys, decoderFamily, decoderSettings, layerWindows, windowKeys } from './decoder-config';

/** Every key of a SmolLM3 config (`transformers/models/smollm3/configuration_smollm3.py`), with its defaults. */
const schema = z.object({
  ...decoderConfigKeys({
    vocab_size: 128256,
    hidden_size: 2048,
    intermediate_size: 11008,
    num_hidden_layers: 36,
    num_attention_heads: 16,
    num_key_value_heads: 4,
    max_position_embeddings: 32768,
    rms_norm_eps: 1e-6,
    tie_word_embeddings: true,
  }),
  ...windowKeys,
  model_type: z.literal('smollm3'),
  attention_bias: flag(false),
  mlp_bias: flag(false),
  /** Per layer: whether it has rotary positions (1), despite the name. */
  no_rope_layers: z.array(z.union([z.literal(0), z.literal(1), z.boolean()])).nullish(),
  /** If `no_rope_layers` is missing: one in this many layers has none. */
  no_rope_layer_interval: positiveInteger.default(4),
  use_sliding_window: flag(false),
  /** Tensor parallelism during pretraining; does not affect results. */
  pretraining_tp: harmless,
  /** From Qwen2; here the layers without rotary positions have the window. */
  max_window_layers: harmless,
});

/** SmolLM3: Llama with some layers without position embeddings (NoPE, arXiv 2501.18795). */
export const smolLm3Family = decoderFamily({
  modelType: 'smollm3',
  architecture: 'SmolLM3ForCausalLM',
  read({ config, path, at }) {
    const settings = parseConfig({ schema, config, path, at });
    const layers = settings.num_hidden_layers;
    const rotated =
      settings.no_rope_layers?.map(Boolean) ??
      Array.from({ length: layers }, (_, index) => (index + 1) % settings.no_rope_layer_interval !== 0);
    if (rotated.length !== layers)
      throw new ModelFolderError({
        code: 'invalid-config',
        path,
        message: `no_rope_layers names ${rotated.length} layers where num_hidden_layers is ${layers}.`,
      });
    const windowed = settings.use_sliding_window && typeof settings.sliding_window === 'number';
    const windows = layerWindows({
      config: settings,
      path,
      defaultType: (index) => (windowed && !rotated[index] ? 'sliding_attention' : 'full_attention'),
    });
    return decoderSettings({
      config: settings,
      path,
      defaultTheta: 2_000_000,
      changes: {
        queryKeyValueBias: settings.attention_bias,
        outputBias: settings.attention_bias,
        feedForwardBias: settings.mlp_bias,
        layerOptions: windows.map((own, index) => (rotated[index] ? own : { ...own, rotary: null })),
      },
    });
  },
});
