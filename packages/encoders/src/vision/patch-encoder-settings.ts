import {
  ModelFolderError,
  activationName,
  commonConfigKeys,
  dropoutRate,
  harmless,
  layerCount,
  parseConfig,
  positiveInteger,
  shown,
  type RawConfig,
} from '@subtext/nn';
import type { Activation } from '@subtext/tensor';
import { z } from 'zod';

/** Settings of a vision transformer over patches: CLIP, SigLIP, Idefics3. */
export interface PatchEncoderSettings {
  modelType: string;
  width: number;
  innerWidth: number;
  layers: number;
  heads: number;
  channels: number;
  imageSize: number;
  patchSize: number;
  activation: Activation;
  epsilon: number;
  /** CLIP: a class token before the patches, a norm before the layers, and no bias in the patch embedding. */
  classToken: boolean;
  /** Whether `lastHiddenState` includes the final norm. */
  normalisesOutput: boolean;
  /** `class`: the class token after the final norm; `attention`: SigLIP's attention pooling. */
  pooling: 'class' | 'attention' | 'none';
  /** Images may have any size, with positions by fraction of the image. */
  anySize: boolean;
  /** Standard deviation of the initial weights. */
  initializerRange: number;
}

const shape = {
  ...commonConfigKeys,
  num_channels: positiveInteger.default(3),
  attention_dropout: dropoutRate,
  dropout: dropoutRate,
  initializer_range: z.number().min(0).default(0.02),
  initializer_factor: harmless,
  /** Width of the projection to the space shared with text, which is not part of the encoder. */
  projection_dim: harmless,
  tie_word_embeddings: harmless,
};

const clip = z.object({
  ...shape,
  model_type: z.literal('clip_vision_model'),
  hidden_size: positiveInteger.default(768),
  intermediate_size: positiveInteger.default(3072),
  num_hidden_layers: layerCount.default(12),
  num_attention_heads: positiveInteger.default(12),
  image_size: positiveInteger.default(224),
  patch_size: positiveInteger.default(32),
  hidden_act: activationName.prefault('quick_gelu'),
  layer_norm_eps: z.number().positive().default(1e-5),
  /** Present in LLaVA's vision configs, but meaningless for a vision encoder. */
  vocab_size: harmless,
});

const siglip = z.object({
  ...shape,
  model_type: z.literal('siglip_vision_model'),
  hidden_size: positiveInteger.default(768),
  intermediate_size: positiveInteger.default(3072),
  num_hidden_layers: layerCount.default(12),
  num_attention_heads: positiveInteger.default(12),
  image_size: positiveInteger.default(224),
  patch_size: positiveInteger.default(16),
  hidden_act: activationName.prefault('gelu_pytorch_tanh'),
  layer_norm_eps: z.number().positive().default(1e-6),
  vision_use_head: z.boolean().default(true),
});

const idefics3 = z.object({
  ...shape,
  model_type: z.enum(['idefics3_vision', 'smolvlm_vision']),
  hidden_size: positiveInteger.default(1152),
  intermediate_size: positiveInteger.default(3072),
  num_hidden_layers: layerCount.default(12),
  num_attention_heads: positiveInteger.default(16),
  image_size: positiveInteger.default(224),
  patch_size: positiveInteger.default(32),
  hidden_act: activationName.prefault('gelu_pytorch_tanh'),
  layer_norm_eps: z.number().positive().default(1e-6),
});

/** Supported types of vision configs. */
export const patchEncoderTypes = [
  'clip_vision_model',
  'siglip_vision_model',
  'idefics3_vision',
  'smolvlm_vision',
] as const;

function parse(config: RawConfig, path: string, at: string) {
  switch (config.model_type) {
    case 'clip_vision_model':
      return { ...parseConfig({ schema: clip, config, path, at }), vision_use_head: false };
    case 'siglip_vision_model':
      return parseConfig({ schema: siglip, config, path, at });
    case 'idefics3_vision':
    case 'smolvlm_vision':
      return { ...parseConfig({ schema: idefics3, config, path, at }), vision_use_head: false };
    default:
      throw new ModelFolderError({
        code: 'unsupported-model-type',
        path,
        message: `${at === '' ? '' : `${at}: `}the vision model_type ${shown(config.model_type)} is not supported; choose one of ${patchEncoderTypes.join(', ')}.`,
      });
  }
}

/** Reads a vision config; every key is supported, irrelevant, or rejected by name. */
export function readPatchEncoderSettings({
  config,
  path,
  at = '',
}: {
  config: RawConfig;
  /** Folder, for error messages. */ path: string;
  /** Position in the file. Default: top level. */ at?: string;
}): PatchEncoderSettings {
  const settings = parse(config, path, at);
  const fail = (message: string): never => {
    throw new ModelFolderError({ code: 'invalid-config', path, message: `${at === '' ? '' : `${at}: `}${message}` });
  };
  if (settings.hidden_size % settings.num_attention_heads !== 0) {
    fail(
      `hidden_size ${settings.hidden_size} is not a multiple of num_attention_heads ${settings.num_attention_heads}.`,
    );
  }
  if (settings.patch_size > settings.image_size)
    fail(`patch_size ${settings.patch_size} is larger than image_size ${settings.image_size}.`);
  const isClip = settings.model_type === 'clip_vision_model';
  const isSiglip = settings.model_type === 'siglip_vision_model';
  return {
    modelType: settings.model_type,
    width: settings.hidden_size,
    innerWidth: settings.intermediate_size,
    layers: settings.num_hidden_layers,
    heads: settings.num_attention_heads,
    channels: settings.num_channels,
    imageSize: settings.image_size,
    patchSize: settings.patch_size,
    activation: settings.hidden_act,
    epsilon: settings.layer_norm_eps,
    classToken: isClip,
    normalisesOutput: !isClip,
    pooling: isClip ? 'class' : settings.vision_use_head ? 'attention' : 'none',
    anySize: !isClip && !isSiglip,
    initializerRange: settings.initializer_range,
  };
}
