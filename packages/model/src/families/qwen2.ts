import {
  activationName,
  commonConfigKeys,
  dropoutRate,
  flag,
  ModelFolderError,
  layerCount,
  parseConfig,
  positiveInteger,
  readRotaryConfig,
  rotaryConfigKeys,
  type RawConfig,
} from '@subtext/nn';
import { z } from 'zod';

import type { ModelFamily } from './model-family';
import { buildRotaryDecoder, checkedSettings, rotaryBuffers, type RotaryDecoderSettings } from './rotary-decoder';

/** Every key of a Qwen2 config (`transformers/models/qwen2/configuration_qwen2.py`), with its defaults. */
const schema = z.object({
  ...commonConfigKeys,
  ...rotaryConfigKeys,
  model_type: z.literal('qwen2'),
  vocab_size: positiveInteger.default(151936),
  hidden_size: positiveInteger.default(4096),
  intermediate_size: positiveInteger.default(22016),
  num_hidden_layers: layerCount.default(32),
  num_attention_heads: positiveInteger.default(32),
  num_key_value_heads: positiveInteger.nullable().default(32),
  head_dim: positiveInteger.nullish(),
  hidden_act: activationName.prefault('silu'),
  max_position_embeddings: positiveInteger.default(32768),
  initializer_range: z.number().min(0).default(0.02),
  rms_norm_eps: z.number().positive().default(1e-6),
  tie_word_embeddings: flag(false),
  attention_dropout: dropoutRate,
  use_sliding_window: flag(false),
  /** Read where use_sliding_window is on alone. */
  sliding_window: z.number().nullish(),
  max_window_layers: z.number().nullish(),
  layer_types: z.array(z.string()).nullish(),
});

/** The sizes that a Qwen2 config asks for; also those of a vision model's `text_config`. */
export function readQwen2Settings({
  config,
  path,
  at,
}: {
  config: RawConfig;
  path: string;
  /** Where in the file. Default the top. */ at?: string;
}): RotaryDecoderSettings {
  const settings = parseConfig({ schema, config, path, at });
  const layers = settings.num_hidden_layers;
  const slidingWindow = settings.use_sliding_window ? (settings.sliding_window ?? null) : null;
  const types =
    settings.layer_types ??
    Array.from({ length: layers }, (_, index) =>
      slidingWindow !== null && index >= (settings.max_window_layers ?? 28) ? 'sliding_attention' : 'full_attention',
    );
  if (types.length !== layers || types.some((type) => type !== 'full_attention')) {
    throw new ModelFolderError({
      code: 'unsupported-config',
      path,
      message:
        types.length === layers
          ? `layer_types asks for ${[...new Set(types)].filter((type) => type !== 'full_attention').join(', ')} (use_sliding_window ${settings.use_sliding_window}, sliding_window ${slidingWindow}, max_window_layers ${settings.max_window_layers ?? 28}); only full_attention is supported.`
          : `layer_types names ${types.length} layers where num_hidden_layers is ${layers}.`,
    });
  }
  const { theta, scaling, maxPositions } = readRotaryConfig({ config: settings, path });
  return checkedSettings({
    path,
    settings: {
      vocabularySize: settings.vocab_size,
      width: settings.hidden_size,
      innerWidth: settings.intermediate_size,
      layers,
      heads: settings.num_attention_heads,
      keyValueHeads: settings.num_key_value_heads ?? settings.num_attention_heads,
      headWidth: settings.head_dim ?? Math.floor(settings.hidden_size / settings.num_attention_heads),
      activation: settings.hidden_act,
      epsilon: settings.rms_norm_eps,
      theta,
      scaling,
      maxPositions,
      queryKeyValueBias: true,
      outputBias: false,
      feedForwardBias: false,
      tied: settings.tie_word_embeddings,
      initializerRange: settings.initializer_range,
    },
  });
}

/** Qwen2 and Qwen2.5 (arXiv 2407.10671): Llama with biases on queries, keys and values. */
export const qwen2Family: ModelFamily = {
  modelType: 'qwen2',
  architecture: 'Qwen2ForCausalLM',
  baseModelPrefix: 'model',
  ignore: [rotaryBuffers],
  build({ config, structure, path }) {
    return buildRotaryDecoder({ modelType: 'qwen2', config, structure, settings: readQwen2Settings({ config, path }) });
  },
};
