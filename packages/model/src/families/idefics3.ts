import { PatchVisionEncoder, readPatchEncoderSettings } from '@subtext/encoders';
import {
  commonConfigKeys,
  flag,
  harmless,
  LinearLayer,
  ModelFolderError,
  parseConfig,
  positiveInteger,
  type RawConfig,
} from '@subtext/nn';
import { z } from 'zod';

import { Idefics3Model } from './idefics3-model';
import type { ModelFamily } from './model-family';
import { rotaryBuffers } from './rotary-decoder';
import { buildTextPart, configPart } from './text-part';

/** Every key of an Idefics3 or SmolVLM config (`transformers/models/idefics3/configuration_idefics3.py`), with its defaults. */
const schema = z.object({
  ...commonConfigKeys,
  model_type: z.enum(['idefics3', 'smolvlm']),
  text_config: harmless,
  vision_config: harmless,
  image_token_id: z.int().min(0).default(128257),
  scale_factor: positiveInteger.default(2),
  tie_word_embeddings: flag(false),
  initializer_range: z.number().min(0).default(0.02),
  // Repeats the text config, follows from the vision config, or concerns only training.
  image_seq_len: harmless,
  vocab_size: harmless,
  use_reentrant_checkpointing: harmless,
});

/**
 * Keys left in published checkpoints by their training code. transformers never reads them; these two would change the
 * architecture if they were on.
 */
const notRead = {
  text: [
    '_flash_attn_2_enabled',
    'is_llama_config',
    'neftune_noise_alpha',
    'perceiver_config',
    'pixel_shuffle_factor',
    'qk_layer_norms',
    'use_resampler',
    'freeze_text_layers',
    'freeze_lm_head',
  ],
  vision: ['max_image_size', 'size', 'use_base_siglip'],
};
const mustBeOff = ['qk_layer_norms', 'use_resampler'];

function idefics3Like(
  modelType: 'idefics3' | 'smolvlm',
  visionType: string,
  architecture: string,
): ModelFamily<Idefics3Model> {
  return {
    modelType,
    architecture,
    baseModelPrefix: 'model',
    ignore: [rotaryBuffers, /\.embeddings\.position_ids$/],
    build({ config, structure, path }) {
      const settings = parseConfig({ schema, config, path });
      // transformers ignores the type named here.
      const part: RawConfig = { ...configPart({ config, key: 'vision_config', path }), model_type: visionType };
      for (const key of notRead.vision) delete part[key];
      const on = mustBeOff.find((key) => configPart({ config, key: 'text_config', path })[key] === true);
      if (on !== undefined)
        throw new ModelFolderError({
          code: 'unsupported-config',
          path,
          message: `text_config: ${on} true is not supported; only false is.`,
        });
      const visionSettings = readPatchEncoderSettings({ config: part, path, at: 'vision_config' });
      const vision = new PatchVisionEncoder({ scope: structure.scope('model.vision_model'), settings: visionSettings });
      const text = buildTextPart({
        modelType,
        config,
        structure,
        path,
        modelScope: structure.scope('model.text_model'),
        headScope: structure.scope('lm_head'),
        tied: () => settings.tie_word_embeddings,
        notRead: notRead.text,
      });
      const connector = new LinearLayer({
        scope: structure.scope('model.connector.modality_projection.proj'),
        inputWidth: visionSettings.width * settings.scale_factor ** 2,
        outputWidth: text.tokenEmbedding.width,
        bias: false,
        initialisation: { kind: 'normal', deviation: settings.initializer_range },
      });
      return new Idefics3Model({
        vision,
        connector,
        text,
        imageTokenId: settings.image_token_id,
        factor: settings.scale_factor,
      });
    },
  };
}

/** Idefics3: SigLIP encoder, pixel shuffle, Llama. */
export const idefics3Family = idefics3Like('idefics3', 'idefics3_vision', 'Idefics3ForConditionalGeneration');
/** SmolVLM: the same architecture under another name. */
export const smolvlmFamily = idefics3Like('smolvlm', 'smolvlm_vision', 'SmolVLMForConditionalGeneration');
