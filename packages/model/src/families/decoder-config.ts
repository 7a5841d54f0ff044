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

/** What transformers takes for keys that a config leaves out: each family has values of its own. */
export interface DecoderConfigDefaults {
  vocab_size: number;
  hidden_size: number;
  intermediate_size: number;
  num_hidden_layers: number;
  num_attention_heads: number;
  /** Null: as many as `num_attention_heads`. */
  num_key_value_heads: number | null;
  /** Null: `hidden_size / num_attention_heads`. */
  head_dim?: number | null;
  max_position_embeddings: number;
  rms_norm_eps: number;
  tie_word_embeddings: boolean;
}

/** The keys that configs of decoders with rotary positions share; a family adds its own. */
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

/** What {@link decoderConfigKeys} reads. */
type DecoderConfig = z.output<z.ZodObject<ReturnType<typeof decoderConfigKeys>>>;

/** The settings that follow from the shared keys: a Llama without biases. `changes` are the family's own. */
export function decoderSettings({
  config,
  path,
  changes,
  defaultTheta,
  partial = false,
}: {
  config: DecoderConfig;
  /** The folder, for errors. */ path: string;
  changes?: Partial<RotaryDecoderSettings>;
  /** The rotation's base where none is named. Default 10000. */ defaultTheta?: number;
  /** Whether the family can rotate a part of each head. Default false. */ partial?: boolean;
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

/** Attention that sees all earlier positions, or those in a window. */
const layerTypes = ['full_attention', 'sliding_attention'] as const;

/** The keys about windows; `layer_types` says which layers have one. */
export const windowKeys = {
  sliding_window: positiveInteger.nullish(),
  layer_types: z.array(z.string()).nullish(),
};

/** Each layer's window, from the names in `layer_types` or, where it is left out, from `defaultType`. */
export function layerWindows({
  config,
  path,
  defaultType,
  window = config.sliding_window ?? null,
}: {
  config: { num_hidden_layers: number; layer_types?: readonly string[] | null; sliding_window?: number | null };
  path: string;
  /** Of the layer `index`. */
  defaultType: (index: number) => (typeof layerTypes)[number];
  /** Positions that a position in a window sees, itself among them. Default `sliding_window`. */
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

/** A family of text models that {@link buildRotaryDecoder} builds: `read` is all that it has of its own. */
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
