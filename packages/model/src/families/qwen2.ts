import { flag, parseConfig } from '@subtext/nn';
import { z } from 'zod';
import { decoderConfigKeys, decoderFamily, decoderSettings, layerWindows, windowKeys } from './decoder-config';

/** Every key of a Qwen2 config (`transformers/models/qwen2/configuration_qwen2.py`), with its defaults. */
const schema = z.object({
  ...decoderConfigKeys({
    vocab_size: 151936,
    hidden_size: 4096,
    intermediate_size: 22016,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    num_key_value_heads: 32,
    max_position_embeddings: 32768,
    rms_norm_eps: 1e-6,
    tie_word_embeddings: false,
  }),
  ...windowKeys,
  model_type: z.literal('qwen2'),
  use_sliding_window: flag(false),
  /** Used only if use_sliding_window is true. */
  sliding_window: z.number().nullable().default(4096),
  max_window_layers: z.number().nullish(),
});

/** Qwen2 and Qwen2.5 (arXiv 2407.10671): Llama with biases on queries, keys and values. */
export const qwen2Family = decoderFamily({
  modelType: 'qwen2',
  architecture: 'Qwen2ForCausalLM',
  read({ config, path, at }) {
    const settings = parseConfig({ schema, config, path, at });
    return decoderSettings({
      config: settings,
      path,
      changes: { queryKeyValueBias: true, layerOptions: qwenWindows({ config: settings, path }) },
    });
  },
});

/** Sliding windows of Qwen2 and Qwen3: none unless `use_sliding_window`, then from layer `max_window_layers` on. */
export function qwenWindows({
  config,
  path,
}: {
  config: Parameters<typeof layerWindows>[0]['config'] & {
    use_sliding_window: boolean;
    max_window_layers?: number | null;
  };
  path: string;
}) {
  const window = config.use_sliding_window ? (config.sliding_window ?? null) : null;
  const first = config.max_window_layers ?? 28;
  return layerWindows({
    config,
    path,
    window,
    defaultType: (index) => (window !== null && index >= first ? 'sliding_attention' : 'full_attention'),
  });
}
