import {
  activationName,
  commonConfigKeys,
  dropoutRate,
  flag,
  harmless,
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

/** Every key of a Llama config (`transformers/models/llama/configuration_llama.py`), with its defaults. */
const schema = z.object({
  ...commonConfigKeys,
  ...rotaryConfigKeys,
  model_type: z.literal('llama'),
  vocab_size: positiveInteger.default(32000),
  hidden_size: positiveInteger.default(4096),
  intermediate_size: positiveInteger.default(11008),
  num_hidden_layers: layerCount.default(32),
  num_attention_heads: positiveInteger.default(32),
  num_key_value_heads: positiveInteger.nullish(),
  head_dim: positiveInteger.nullish(),
  hidden_act: activationName.prefault('silu'),
  max_position_embeddings: positiveInteger.default(2048),
  initializer_range: z.number().min(0).default(0.02),
  rms_norm_eps: z.number().positive().default(1e-6),
  tie_word_embeddings: flag(false),
  attention_bias: flag(false),
  mlp_bias: flag(false),
  attention_dropout: dropoutRate,
  /** How a matrix product was split while the model was trained. */
  pretraining_tp: harmless,
});

/** The sizes that a Llama config asks for; also those of a vision model's `text_config`. */
export function readLlamaSettings({
  config,
  path,
  at,
}: {
  config: RawConfig;
  path: string;
  /** Where in the file. Default the top. */ at?: string;
}): RotaryDecoderSettings {
  const settings = parseConfig({ schema, config, path, at });
  const { theta, scaling, maxPositions } = readRotaryConfig({ config: settings, path });
  return checkedSettings({
    path,
    settings: {
      vocabularySize: settings.vocab_size,
      width: settings.hidden_size,
      innerWidth: settings.intermediate_size,
      layers: settings.num_hidden_layers,
      heads: settings.num_attention_heads,
      keyValueHeads: settings.num_key_value_heads ?? settings.num_attention_heads,
      headWidth: settings.head_dim ?? Math.floor(settings.hidden_size / settings.num_attention_heads),
      activation: settings.hidden_act,
      epsilon: settings.rms_norm_eps,
      theta,
      scaling,
      maxPositions,
      queryKeyValueBias: settings.attention_bias,
      outputBias: settings.attention_bias,
      feedForwardBias: settings.mlp_bias,
      tied: settings.tie_word_embeddings,
      initializerRange: settings.initializer_range,
    },
  });
}

/** Llama 2 and 3 (arXiv 2302.13971, 2307.09288, 2407.21783), and the many models that keep their architecture. */
export const llamaFamily: ModelFamily = {
  modelType: 'llama',
  architecture: 'LlamaForCausalLM',
  baseModelPrefix: 'model',
  ignore: [rotaryBuffers],
  build({ config, structure, path }) {
    return buildRotaryDecoder({ modelType: 'llama', config, structure, settings: readLlamaSettings({ config, path }) });
  },
};
