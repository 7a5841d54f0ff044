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

/** The vision part of a config: the config itself, or the `vision_config` of a vision-language model. */
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
      message: `${config.model_type === undefined ? 'there is no model_type' : `the model_type ${shown(config.model_type)} is not a supported vision encoder`}; choose one of ${[...patchEncoderTypes, ...Object.keys(parts)].join(', ')}.`,
    });
  }
  return { config, at: '' };
}

/** Tensors of CLIP and SigLIP outside the vision encoder: text encoder and projections to the shared space. */
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
 * Loads a vision encoder from a Hugging Face folder or hub model: CLIP or SigLIP (vision-only checkpoints, or image-text
 * checkpoints without their text part), Idefics3 or SmolVLM. Prepare images with `loadImageProcessor` of the same folder.
 *
 * @throws {ModelFolderError} if the config has unsupported settings or the weights do not match it; HubError
 */
export async function loadVisionEncoder(options: {
  /** A local folder, or a Hugging Face Hub id. */
  folder: string;
  /** Whether the weights are trainable; otherwise frozen. @default true */
  trainable?: boolean;
  /** Maximum size of the weights as float32, in bytes. @default the machine's memory */
  memoryBudget?: number;
  /** Options for hub ids: revision, token, progress. */
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
 * Creates a vision encoder with random weights; the same seed gives the same weights on every engine.
 *
 * @throws {ModelFolderError} if the config has unsupported settings
 */
export function createVisionEncoder(options: {
  /** Contents of `config.json`, including `model_type`. */
  config: RawConfig;
  /** Seed of the random weights. @default 0 */
  seed?: number;
  /** Maximum size of the weights as float32, in bytes. @default the machine's memory */
  memoryBudget?: number;
}): StandaloneVisionEncoder {
  const encoder = build(options.config, 'config');
  checkMemory({ structure: encoder.structure, path: 'config', memoryBudget: options.memoryBudget });
  initialiseWeights({ structure: encoder.structure, seed: options.seed ?? 0 });
  return encoder;
}
