import {
  activationName,
  commonConfigKeys,
  dropoutRate,
  flag,
  layerCount,
  ModelFolderError,
  positiveInteger,
  readRotaryConfig,
  rotaryConfigKeys,
} from '@subtext/nn';
import { z } from 'zod';
import type { ModelFamily, TextSettingsReader } from './model-family';
import {
  buildRotaryDecoder,
  checkedSettings,
  rotaryBuffers,
  type LayerOptions,
  type RotaryDecoderSettings,
} from './rotary-decoder';

/** transformers' defaults for missing keys, which differ between families. */
export interface DecoderConfigDefaults {
  vocab_size: number;
  hidden_size: number;
  intermediate_size: number;
  num_hidden_layers: number;
  num_attention_heads: number;
  /** Null: `num_attention_heads`. */
  num_key_value_heads: number | null;
  /** Null: `hidden_size / num_attention_heads`. */
  head_dim?: number | null;
  max_position_embeddings: number;
  rms_norm_eps: number;
  tie_word_embeddings: boolean;
}

/** The config keys shared by decoders with rotary embeddings; each family adds its own. */
export function decoderConfigKeys(defaults: DecoderConfigDefaults) {
  return {
    ...commonConfigKeys,
    ...rotaryConfigKeys,
    vocab_size: positiveInteger.default(defaults.vocab_size),
    hidden_size: positiveInteger.default(defaults.hidden_size),
    intermediate_size: positiveInteger.default(defaults.intermediate_size),
    num_hidden_layers: layerCount.default(defaults.num_hidden_layers),
    num_attention_heads: positiveInteger.default(defaults.num_attention_heads),
    num_key_value_heads: positiveInteger.nullable().default(defaults.num_key_value_heads),
    head_dim: positiveInteger.nullable().default(defaults.head_dim ?? null),
    hidden_act: activationName.prefault('silu'),
    max_position_embeddings: positiveInteger.default(defaults.max_position_embeddings),
    initializer_range: z.number().min(0).default(0.02),
    rms_norm_eps: z.number().positive().default(defaults.rms_norm_eps),
    tie_word_embeddings: flag(defaults.tie_word_embeddings),
    attention_dropout: dropoutRate,
  };
}

/** The result of {@link decoderConfigKeys}. */
type DecoderConfig = z.output<z.ZodObject<ReturnType<typeof decoderConfigKeys>>>;

/** Converts the shared keys to settings of a Llama without biases; `changes` overrides them per family. */
export function decoderSettings({
  config,
  path,
  changes,
  defaultTheta,
  partial = false,
}: {
  config: DecoderConfig;
  /** The folder, for error messages. */ path: string;
  changes?: Partial<RotaryDecoderSettings>;
  /** Base of the rotary embedding if the config has none. Default 10000. */ defaultTheta?: number;
  /** Whether the family supports rotating part of each head. Default false. */ partial?: boolean;
}): RotaryDecoderSettings {
  const { theta, scaling, share, maxPositions } = readRotaryConfig({ config, path, defaultTheta, partial });
  const headWidth = config.head_dim ?? Math.floor(config.hidden_size / config.num_attention_heads);
  return checkedSettings({
    path,
    settings: {
      vocabularySize: config.vocab_size,
      width: config.hidden_size,
      innerWidth: config.intermediate_size,
      layers: config.num_hidden_layers,
      heads: config.num_attention_heads,
      keyValueHeads: config.num_key_value_heads ?? config.num_attention_heads,
      headWidth,
      activation: config.hidden_act,
      epsilon: config.rms_norm_eps,
      rotary: { theta, scaling, dimensions: Math.floor(headWidth * share) },
      maxPositions,
      queryKeyValueBias: false,
      outputBias: false,
      feedForwardBias: false,
      tied: config.tie_word_embeddings,
      initializerRange: config.initializer_range,
      ...changes,
    },
  });
}

/** Full attention, or a sliding window. */
const layerTypes = ['full_attention', 'sliding_attention'] as const;

/** The keys of sliding windows; `layer_types` says which layers have one. */
export const windowKeys = {
  sliding_window: positiveInteger.nullish(),
  layer_types: z.array(z.string()).nullish(),
};

/** Sliding window of each layer, from `layer_types` or, if missing, from `defaultType`. */
export function layerWindows({
  config,
  path,
  defaultType,
  window = config.sliding_window ?? null,
}: {
  config: { num_hidden_layers: number; layer_types?: readonly string[] | null; sliding_window?: number | null };
  path: string;
  /** Type of layer `index`. */
  defaultType: (index: number) => (typeof layerTypes)[number];
  /** Window size, including the position itself. Default `sliding_window`. */
  window?: number | null;
}): (LayerOptions & { type: string })[] {
  const { num_hidden_layers: layers, layer_types } = config;
  const types: readonly string[] = layer_types ?? Array.from({ length: layers }, (_, index) => defaultType(index));
  const unknown = types.find((type) => !(layerTypes as readonly string[]).includes(type));
  if (unknown !== undefined)
    throw new ModelFolderError({
      code: 'unsupported-config',
      path,
      message: `layer_types asks for ${JSON.stringify(unknown)}; these are supported: ${layerTypes.join(', ')}.`,
    });
  if (window === null && types.includes('sliding_attention'))
    throw new ModelFolderError({
      code: 'invalid-config',
      path,
      message:
        'layers of sliding_attention need a "sliding_window" (and "use_sliding_window" true where there is one).',
    });
  if (window !== null && (!Number.isInteger(window) || window < 1))
    throw new ModelFolderError({
      code: 'invalid-config',
      path,
      message: `sliding_window is ${window}; a window holds a whole number of positions, at least 1.`,
    });
  return types.map((type) => ({ type, window: type === 'sliding_attention' ? window : null }));
}

/** Defines a text model family built by {@link buildRotaryDecoder}; only `read` is family-specific. */
export function decoderFamily({
  modelType,
  architecture,
  read,
}: {
  modelType: string;
  architecture: string;
  read: TextSettingsReader;
}): ModelFamily {
  return {
    modelType,
    architecture,
    baseModelPrefix: 'model',
    ignore: [rotaryBuffers],
    readTextSettings: read,
    build: ({ config, structure, path }) =>
      buildRotaryDecoder({ modelType, config, structure, settings: read({ config, path }) }),
  };
}
