import { MllamaVisionEncoder, readMllamaVisionSettings } from '@subtext/encoders';
import {
  activationName,
  commonConfigKeys,
  dropoutRate,
  EmbeddingLayer,
  harmless,
  LinearLayer,
  ModelFolderError,
  neutral,
  layerCount,
  parseConfig,
  positiveInteger,
  readRotaryConfig,
  RmsNormLayer,
  rotaryConfigKeys,
  type RawConfig,
} from '@subtext/nn';
import { z } from 'zod';

import { MllamaCrossAttentionBlock } from './mllama-cross-attention';
import { MllamaModel, type MllamaLayer } from './mllama-model';
import type { ModelFamily } from './model-family';
import { rotaryBuffers, rotaryDecoderBlock, rotaryEmbedding, type RotaryDecoderSettings } from './rotary-decoder';
import { configPart } from './text-part';

/** Embedding rows beyond the vocabulary: the image token and seven unused ones. */
const extraRows = 8;

/** Every key of an Mllama config (`transformers/models/mllama/configuration_mllama.py`), with its defaults. */
const schema = z.object({
  ...commonConfigKeys,
  model_type: z.literal('mllama'),
  text_config: harmless,
  vision_config: harmless,
  image_token_index: z.int().min(0).optional(),
  /** Alias of `image_token_index`. */
  image_token_id: z.int().min(0).optional(),
  tie_word_embeddings: neutral(false),
  initializer_range: harmless,
});

const textSchema = z.object({
  ...commonConfigKeys,
  ...rotaryConfigKeys,
  max_position_embeddings: positiveInteger.default(131_072),
  model_type: z.literal('mllama_text_model'),
  vocab_size: positiveInteger.default(128_256),
  hidden_size: positiveInteger.default(4096),
  intermediate_size: positiveInteger.default(14_336),
  num_hidden_layers: layerCount.default(40),
  num_attention_heads: positiveInteger.default(32),
  num_key_value_heads: positiveInteger.default(8),
  hidden_act: activationName.prefault('silu'),
  rms_norm_eps: z.number().positive().default(1e-5),
  initializer_range: z.number().min(0).default(0.02),
  cross_attention_layers: z.array(z.int().min(0)).nullish(),
  tie_word_embeddings: neutral(false),
  dropout: dropoutRate,
  attention_dropout: dropoutRate,
});

function readTextSettings({ config, path }: { config: RawConfig; path: string }): {
  settings: RotaryDecoderSettings;
  crossLayers: ReadonlySet<number>;
} {
  const text = parseConfig({ schema: textSchema, config, path, at: 'text_config' });
  const fail = (message: string): never => {
    throw new ModelFolderError({ code: 'invalid-config', path, message: `text_config: ${message}` });
  };
  const {
    hidden_size: width,
    num_attention_heads: heads,
    num_key_value_heads: keyValueHeads,
    num_hidden_layers: layers,
  } = text;
  if (width % heads !== 0) fail(`hidden_size ${width} is not a multiple of num_attention_heads ${heads}.`);
  if ((width / heads) % 2 !== 0)
    fail(`hidden_size ${width} gives ${heads} heads of ${width / heads}; rotary positions need pairs.`);
  if (heads % keyValueHeads !== 0)
    fail(`num_attention_heads ${heads} is not a multiple of num_key_value_heads ${keyValueHeads}.`);
  const { theta, scaling } = readRotaryConfig({ config: text, path, defaultTheta: 500_000 });
  return {
    // As in transformers, indices beyond the last layer are ignored.
    crossLayers: new Set(text.cross_attention_layers ?? [3, 8, 13, 18, 23, 28, 33, 38]),
    settings: {
      vocabularySize: text.vocab_size,
      width,
      innerWidth: text.intermediate_size,
      layers,
      heads,
      keyValueHeads,
      headWidth: width / heads,
      activation: text.hidden_act,
      epsilon: text.rms_norm_eps,
      rotary: { theta, scaling },
      maxPositions: text.max_position_embeddings,
      queryKeyValueBias: false,
      outputBias: false,
      feedForwardBias: false,
      tied: false,
      initializerRange: text.initializer_range,
    },
  };
}

/**
 * The config of an Mllama's text model without its cross-attention layers, as a Llama config, and the indices of the
 * remaining layers. Without an image an Mllama skips its cross-attention layers, so the Llama computes the same.
 */
export function mllamaWithoutPictures({
  config,
  path,
}: {
  /** Config of the whole model. */ config: RawConfig;
  path: string;
}): { config: RawConfig; layers: number[] } {
  const part = configPart({ config, key: 'text_config', path });
  const { settings, crossLayers } = readTextSettings({ config: { ...part, model_type: 'mllama_text_model' }, path });
  const layers = Array.from({ length: settings.layers }, (_, index) => index).filter(
    (index) => !crossLayers.has(index),
  );
  const ids = Object.fromEntries(
    ['bos_token_id', 'eos_token_id', 'pad_token_id'].flatMap((key) =>
      part[key] === undefined ? [] : [[key, part[key]]],
    ),
  );
  return {
    layers,
    config: {
      model_type: 'llama',
      ...ids,
      vocab_size: settings.vocabularySize,
      hidden_size: settings.width,
      intermediate_size: settings.innerWidth,
      num_hidden_layers: layers.length,
      num_attention_heads: settings.heads,
      num_key_value_heads: settings.keyValueHeads,
      hidden_act: part.hidden_act ?? 'silu',
      rms_norm_eps: settings.epsilon,
      max_position_embeddings: settings.maxPositions,
      original_max_position_embeddings: part.original_max_position_embeddings,
      initializer_range: settings.initializerRange,
      rope_theta: part.rope_theta ?? 500_000,
      rope_scaling: part.rope_scaling,
      rope_parameters: part.rope_parameters,
      tie_word_embeddings: false,
    },
  };
}

/** Llama 3.2 Vision. */
export const mllamaFamily: ModelFamily<MllamaModel> = {
  modelType: 'mllama',
  architecture: 'MllamaForConditionalGeneration',
  baseModelPrefix: 'model',
  ignore: [rotaryBuffers],
  /**
   * Maps names in existing checkpoints (Meta's and those of transformers 5) to transformers 5's module names, which
   * adapters use.
   */
  rename: (name) =>
    name
      .replace(/^language_model\.lm_head\./, 'lm_head.')
      .replace(/^language_model\.model\./, 'model.language_model.')
      .replace(/^(vision_model|multi_modal_projector)\./, 'model.$1.'),
  build({ config, structure, path }) {
    const whole = parseConfig({ schema, config, path });
    const { settings, crossLayers } = readTextSettings({
      config: { ...configPart({ config, key: 'text_config', path }), model_type: 'mllama_text_model' },
      path,
    });
    const vision = new MllamaVisionEncoder({
      scope: structure.scope('model.vision_model'),
      settings: readMllamaVisionSettings({
        config: { ...configPart({ config, key: 'vision_config', path }), model_type: 'mllama_vision_model' },
        path,
        at: 'vision_config',
      }),
    });
    const { width, vocabularySize, epsilon } = settings;
    const initialisation = { kind: 'normal', deviation: settings.initializerRange } as const;
    const text = structure.scope('model.language_model');
    const tokenEmbedding = new EmbeddingLayer({
      scope: text.child('embed_tokens'),
      count: vocabularySize + extraRows,
      width,
      initialisation,
    });
    const layers = Array.from({ length: settings.layers }, (_, index): MllamaLayer => {
      const scope = text.child('layers').child(index);
      return crossLayers.has(index)
        ? { kind: 'cross-attention', block: new MllamaCrossAttentionBlock({ scope, settings }) }
        : { kind: 'self-attention', block: rotaryDecoderBlock({ scope, settings, index }) };
    });
    return new MllamaModel({
      config,
      structure,
      vision,
      projector: new LinearLayer({
        scope: structure.scope('model.multi_modal_projector'),
        inputWidth: vision.settings.outputWidth,
        outputWidth: width,
        initialisation,
      }),
      tokenEmbedding,
      rotary: rotaryEmbedding({ settings }),
      layers,
      finalNorm: new RmsNormLayer({ scope: text.child('norm'), width, epsilon }),
      head: new LinearLayer({
        scope: structure.scope('lm_head'),
        inputWidth: width,
        outputWidth: vocabularySize,
        bias: false,
        initialisation,
      }),
      imageTokenId: whole.image_token_index ?? whole.image_token_id ?? 128_256,
      maxPositions: settings.maxPositions,
      keyValueHeads: settings.keyValueHeads,
      keyValueWidth: settings.keyValueHeads * settings.headWidth,
    });
  },
};
