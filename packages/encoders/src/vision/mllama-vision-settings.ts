import {
  ModelFolderError,
  activationName,
  commonConfigKeys,
  dropoutRate,
  harmless,
  layerCount,
  parseConfig,
  positiveInteger,
  type RawConfig,
} from '@subtext/nn';
import type { Activation } from '@subtext/tensor';
import { z } from 'zod';

/** Dimensions of Mllama's vision encoder. */
export interface MllamaVisionSettings {
  width: number;
  innerWidth: number;
  /** Number of layers of the first transformer. */
  layers: number;
  /** Number of gated global layers after it. */
  globalLayers: number;
  heads: number;
  channels: number;
  imageSize: number;
  patchSize: number;
  maximumTiles: number;
  /** Number of tile arrangements with an embedding; ids count from 1, and 0 means no image. */
  arrangements: number;
  /** Layers whose outputs are concatenated to the last one's, counting from 0. */
  intermediateLayers: readonly number[];
  /** `width · (1 + number of intermediate layers)` */
  outputWidth: number;
  activation: Activation;
  epsilon: number;
  initializerRange: number;
}

const arrangementsOfFour = [
  [1, 1],
  [1, 2],
  [1, 3],
  [1, 4],
  [2, 1],
  [2, 2],
  [3, 1],
  [4, 1],
];

/** Every key of `transformers/models/mllama/configuration_mllama.py`'s vision config, with its defaults. */
const schema = z.object({
  ...commonConfigKeys,
  model_type: z.literal('mllama_vision_model'),
  hidden_size: positiveInteger.default(1280),
  hidden_act: activationName.prefault('gelu'),
  num_hidden_layers: layerCount.default(32),
  num_global_layers: z.int().min(0).max(10_000).default(8),
  attention_heads: positiveInteger.optional(),
  num_attention_heads: positiveInteger.optional(),
  num_channels: positiveInteger.default(3),
  intermediate_size: positiveInteger.default(5120),
  vision_output_dim: positiveInteger.default(7680),
  image_size: positiveInteger.default(448),
  patch_size: positiveInteger.default(14),
  norm_eps: z.number().positive().default(1e-5),
  max_num_tiles: positiveInteger.default(4),
  intermediate_layers_indices: z.array(z.int()).nullish(),
  supported_aspect_ratios: z.array(z.tuple([positiveInteger, positiveInteger])).nullish(),
  initializer_range: z.number().min(0).default(0.02),
  attention_dropout: dropoutRate,
  tie_word_embeddings: harmless,
});

/** Reads a vision config of Mllama; every key is supported, irrelevant, or rejected by name. */
export function readMllamaVisionSettings({
  config,
  path,
  at = '',
}: {
  config: RawConfig;
  /** Folder, for error messages. */ path: string;
  /** Position in the file. Default: top level. */ at?: string;
}): MllamaVisionSettings {
  const settings = parseConfig({ schema, config, path, at });
  const fail = (message: string): never => {
    throw new ModelFolderError({ code: 'invalid-config', path, message: `${at === '' ? '' : `${at}: `}${message}` });
  };
  const { hidden_size: width, num_hidden_layers: layers } = settings;
  const heads = settings.attention_heads ?? settings.num_attention_heads ?? 16;
  if (heads > width) fail(`attention_heads ${heads} is more than hidden_size ${width}.`);
  const intermediateLayers = (settings.intermediate_layers_indices ?? [3, 7, 15, 23, 30]).map((index) =>
    index < 0 ? layers + index : index,
  );
  const beyond = intermediateLayers.find((index) => index < 0 || index >= layers);
  if (beyond !== undefined) fail(`intermediate_layers_indices names layer ${beyond}, but there are ${layers}.`);
  const outputWidth = width * (1 + intermediateLayers.length);
  if (outputWidth !== settings.vision_output_dim) {
    fail(
      `vision_output_dim is ${settings.vision_output_dim}, but hidden_size ${width} with ${intermediateLayers.length} intermediate layers gives ${outputWidth}.`,
    );
  }
  const arrangements = settings.supported_aspect_ratios ?? arrangementsOfFour;
  const tooMany = arrangements.find(([rows, columns]) => rows! * columns! > settings.max_num_tiles);
  if (tooMany !== undefined)
    fail(`supported_aspect_ratios has ${tooMany.join(' × ')}, more than max_num_tiles ${settings.max_num_tiles}.`);
  return {
    width,
    innerWidth: settings.intermediate_size,
    layers,
    globalLayers: settings.num_global_layers,
    heads,
    channels: settings.num_channels,
    imageSize: settings.image_size,
    patchSize: settings.patch_size,
    maximumTiles: settings.max_num_tiles,
    arrangements: arrangements.length,
    intermediateLayers,
    outputWidth,
    activation: settings.hidden_act,
    epsilon: settings.norm_eps,
    initializerRange: settings.initializer_range,
  };
}
