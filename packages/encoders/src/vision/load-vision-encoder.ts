import { ownValue } from '@subtext/core';
import { resolveModelFolder, type HubOptions } from '@subtext/hub';
import {
  initialiseWeights,
  checkMemory,
  loadWeights,
  ModelFolderError,
  ModelStructure,
  collectNotes,
  readConfig,
  shown,
  type RawConfig,
} from '@subtext/nn';
import { Parameters } from '@subtext/tensor';

import { patchEncoderTypes, readPatchEncoderSettings } from './patch-encoder-settings';
import { PatchVisionEncoder } from './patch-vision-encoder';
import type { StandaloneVisionEncoder } from './vision-encoder';

/** The vision part of a config: itself, or `vision_config` of a model for pictures and text. */
function visionConfig(config: RawConfig, path: string): { config: RawConfig; at: string } {
  const parts: Readonly<Record<string, string>> = { clip: 'clip_vision_model', siglip: 'siglip_vision_model' };
  const type = ownValue(parts, String(config.model_type));
  if (type !== undefined) {
    const part = config.vision_config;
    if (typeof part !== 'object' || part === null)
      throw new ModelFolderError({
        code: 'invalid-config',
        path,
        message: `a ${String(config.model_type)} config needs "vision_config".`,
      });
    return { config: { model_type: type, ...part }, at: 'vision_config' };
  }
  if (!(patchEncoderTypes as readonly string[]).includes(String(config.model_type))) {
    throw new ModelFolderError({
      code: 'unsupported-model-type',
      path,
      message: `${config.model_type === undefined ? 'there is no model_type' : `the model_type ${shown(config.model_type)} is not a vision encoder that Subtext knows`}; these are: ${[...patchEncoderTypes, ...Object.keys(parts)].join(', ')}.`,
    });
  }
  return { config, at: '' };
}

/** What CLIP and SigLIP folders hold beside the encoder: the text part and the projections to the shared space. */
const besideTheEncoder = [
  /^text_model\./,
  /^text_projection\./,
  /^visual_projection\./,
  /^logit_scale$/,
  /^logit_bias$/,
  /^embeddings\.position_ids$/,
];

function build(config: RawConfig, path: string): PatchVisionEncoder & StandaloneVisionEncoder {
  const structure = new ModelStructure({ parameters: new Parameters() });
  const part = visionConfig(config, path);
  const { result: settings, notes } = collectNotes(() => readPatchEncoderSettings({ ...part, path }));
  structure.notes.push(...notes);
  const encoder = new PatchVisionEncoder({ scope: structure.scope(), settings });
  return Object.assign(encoder, { config, structure, dispose: () => structure.parameters.dispose() });
}

/**
 * A vision encoder from a Hugging Face folder or a model of the hub: CLIP or SigLIP (the vision model alone, or the pair with its text part,
 * which is left out), Idefics3's or SmolVLM's. Prepare pictures with `loadImageProcessor` of the same folder.
 *
 * @throws {ModelFolderError} when the config asks for what is not honoured, or the weights do not fit it; HubError
 */
export async function loadVisionEncoder(options: {
  /** a folder, or an id of the Hugging Face Hub */
  folder: string;
  /** whether the weights may be trained. @default true */
  trainable?: boolean;
  /** bytes that the weights may take as float32. @default the machine's memory */
  memoryBudget?: number;
  /** how an id of the hub is resolved: revision, token, progress */
  hub?: HubOptions;
}): Promise<StandaloneVisionEncoder> {
  const folder = await resolveModelFolder({ ...options.hub, folder: options.folder });
  const config = await readConfig({ folder });
  const encoder = build(config, folder);
  await loadWeights({
    structure: encoder.structure,
    folder,
    trainable: options.trainable,
    rename: (name) => name.replace(/^vision_model\./, ''),
    ignore: besideTheEncoder,
    onMatched: () => checkMemory({ structure: encoder.structure, path: folder, memoryBudget: options.memoryBudget }),
  });
  return encoder;
}

/**
 * A vision encoder with random weights; the same seed gives the same weights on every engine.
 *
 * @throws {ModelFolderError} when the config asks for what is not honoured
 */
export function createVisionEncoder(options: {
  /** as in `config.json`, with its `model_type` */
  config: RawConfig;
  /** of the random weights. @default 0 */
  seed?: number;
  /** bytes that the weights may take as float32. @default the machine's memory */
  memoryBudget?: number;
}): StandaloneVisionEncoder {
  const encoder = build(options.config, 'config');
  checkMemory({ structure: encoder.structure, path: 'config', memoryBudget: options.memoryBudget });
  initialiseWeights({ structure: encoder.structure, seed: options.seed ?? 0 });
  return encoder;
}
