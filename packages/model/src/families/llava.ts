import { PatchVisionEncoder, readPatchEncoderSettings } from '@subtext/encoders';
import {
  activationName,
  commonConfigKeys,
  flag,
  harmless,
  ModelFolderError,
  parseConfig,
  positiveInteger,
} from '@subtext/nn';
import { z } from 'zod';

import { LlavaModel, LlavaProjector } from './llava-model';
import type { ModelFamily } from './model-family';
import { rotaryBuffers } from './rotary-decoder';
import { buildTextPart, configPart } from './text-part';

/** Every key of a LLaVA config (`transformers/models/llava/configuration_llava.py`), with its defaults. */
const schema = z.object({
  ...commonConfigKeys,
  model_type: z.literal('llava'),
  text_config: harmless,
  vision_config: harmless,
  image_token_index: z.int().min(0).optional(),
  /** Alias of `image_token_index`. */
  image_token_id: z.int().min(0).optional(),
  projector_hidden_act: activationName.prefault('gelu'),
  vision_feature_layer: z.union([z.int(), z.array(z.int()).nonempty()]).default(-2),
  vision_feature_select_strategy: z.enum(['default', 'full']).default('default'),
  multimodal_projector_bias: flag(true),
  tie_word_embeddings: flag(false),
  initializer_range: z.number().min(0).default(0.02),
  // Follows from the vision config, or concerns only training or the text config.
  image_seq_length: positiveInteger.optional(),
  ignore_index: harmless,
  vocab_size: harmless,
  hidden_size: harmless,
});

/** Default of a missing `vision_config` (CLIP ViT-L/14-336). */
const defaultVision = {
  hidden_size: 1024,
  intermediate_size: 4096,
  patch_size: 14,
  image_size: 336,
  num_hidden_layers: 24,
  num_attention_heads: 16,
};

/** LLaVA 1.5 and similar models: CLIP or SigLIP encoder, projector, Llama or Qwen2. */
export const llavaFamily: ModelFamily<LlavaModel> = {
  modelType: 'llava',
  architecture: 'LlavaForConditionalGeneration',
  baseModelPrefix: 'model',
  ignore: [rotaryBuffers, /\.embeddings\.position_ids$/],
  /**
   * Maps names in existing checkpoints (those of llava-hf and of transformers 5) to transformers 5's module names,
   * which adapters use.
   */
  rename: (name) =>
    name
      .replace(/^language_model\.lm_head\./, 'lm_head.')
      .replace(/^language_model\.model\./, 'model.language_model.')
      .replace(/^(vision_tower|multi_modal_projector)\./, 'model.$1.')
      .replace(/^model\.vision_tower\.vision_model\./, 'model.vision_tower.'),
  build({ config, structure, path }) {
    const settings = parseConfig({ schema, config, path });
    const part =
      config.vision_config === undefined || config.vision_config === null
        ? defaultVision
        : configPart({ config, key: 'vision_config', path });
    const visionSettings = readPatchEncoderSettings({
      config: { model_type: 'clip_vision_model', ...part },
      path,
      at: 'vision_config',
    });
    if (visionSettings.anySize) {
      throw new ModelFolderError({
        code: 'unsupported-config',
        path,
        message: `vision_config: llava supports clip_vision_model and siglip_vision_model, not ${visionSettings.modelType}.`,
      });
    }
    const layers = Array.isArray(settings.vision_feature_layer)
      ? settings.vision_feature_layer
      : [settings.vision_feature_layer];
    const states = visionSettings.layers + 1;
    const beyond = layers.find((layer) => layer >= states || layer < -states);
    if (beyond !== undefined) {
      throw new ModelFolderError({
        code: 'invalid-config',
        path,
        message: `vision_feature_layer ${beyond} does not exist: the vision encoder has ${visionSettings.layers} layers.`,
      });
    }
    const vision = new PatchVisionEncoder({ scope: structure.scope('model.vision_tower'), settings: visionSettings });
    const text = buildTextPart({
      modelType: 'llava',
      config,
      structure,
      path,
      modelScope: structure.scope('model.language_model'),
      headScope: structure.scope('lm_head'),
      tied: (textTied) => settings.tie_word_embeddings || textTied,
    });
    const projector = new LlavaProjector({
      scope: structure.scope('model.multi_modal_projector'),
      inputWidth: visionSettings.width * layers.length,
      width: text.tokenEmbedding.width,
      bias: settings.multimodal_projector_bias,
      activation: settings.projector_hidden_act,
      deviation: settings.initializer_range,
    });
    return new LlavaModel({
      vision,
      projector,
      text,
      imageTokenId: settings.image_token_index ?? settings.image_token_id ?? 32000,
      selection: { layers, dropFirst: settings.vision_feature_select_strategy === 'default' },
    });
  },
};
