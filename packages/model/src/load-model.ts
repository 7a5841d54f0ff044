import { resolveModelFolder, type HubOptions } from '@subtext/hub';
import { checkMemory, loadWeights, readConfig, readJsonObject, type RawConfig } from '@subtext/nn';
import type { SafetensorsFile } from '@subtext/safetensors';
import type { WeightDtype } from '@subtext/tensor';
import { join } from 'node:path';

import { buildModel } from './build-model';
import type { ModelFamily } from './families/model-family';
import type { LanguageModel } from './language-model';
import { checkDtype, storedDtypes } from './stored-dtypes';

export interface LoadModelOptions {
  /**
   * A Hugging Face model folder (config.json with model.safetensors or pytorch_model.bin, single or sharded), or a
   * Hugging Face Hub id such as `openai-community/gpt2`, which is downloaded once to the standard Hub cache.
   */
  folder: string;
  /** Hub options: revision, token, progress. */
  hub?: HubOptions;
  /**
   * Weights to use instead of the folder's, such as a checkpoint without a config; `config` overrides settings of the
   * folder's config.json. `path` is used in error messages; `file` is closed. Default: the folder's weights.
   */
  weights?: { file: SafetensorsFile; path: string; config: RawConfig };
  /**
   * Storage dtype of linear and embedding weights: `bf16`, `f16` (only if the file has it), `int8` (one scale per row)
   * or `int4` (NF4 in blocks of 64, as in QLoRA, arXiv 2305.14314; embeddings take 8 bits). Anything but float32 is
   * stored outside the engine's memory, converted on use, and frozen; train adapters on top (`addLora`). Requires an
   * engine that supports it: `native`. Default `float32`.
   */
  dtype?: WeightDtype;
  /**
   * Whether the parameters are trainable; freeze some with `model.parameters.freeze`. Default true for `float32`,
   * otherwise false.
   */
  trainable?: boolean;
  /** Memory limit for the weights as stored, in bytes. Default: the machine's memory. */
  memoryBudget?: number;
  /**
   * Called for each non-fatal note about the folder, such as an ignored setting. All notes are in
   * `model.structure.notes`. Default: none.
   */
  onNote?: (note: string) => void;
  /** Called after each tensor is loaded. */
  onProgress?: (progress: { loaded: number; total: number }) => void;
}

/** Maps names in the file to ours: older spellings, and a missing base model prefix. */
function renaming({ family, model }: { family: ModelFamily; model: LanguageModel }): (name: string) => string {
  const { declarations } = model.structure;
  return (name) => {
    const current = family.rename?.(name) ?? name;
    const prefixed = `${family.baseModelPrefix}.${current}`;
    return !declarations.has(current) && declarations.has(prefixed) ? prefixed : current;
  };
}

/**
 * Loads a model from a Hugging Face folder or the Hub, in float32 or quantized. Throws, naming the culprit, if the
 * config requires something unsupported or if weights are missing, unexpected or of the wrong shape.
 *
 * @throws ModelFolderError, SafetensorsError, HubError
 */
export async function loadModel({
  folder: folderOrId,
  hub,
  weights,
  dtype = 'float32',
  trainable,
  memoryBudget,
  onNote,
  onProgress,
}: LoadModelOptions): Promise<LanguageModel> {
  checkDtype({ dtype, trainable, path: folderOrId });
  const folder = await resolveModelFolder({ ...hub, folder: folderOrId });
  const config = { ...(await readConfig({ folder })), ...weights?.config };
  const generationConfig = await readJsonObject({ path: join(folder, 'generation_config.json') });
  const { model, family } = buildModel({ config, path: folder });
  model.generationConfig = generationConfig;
  for (const note of model.structure.notes) onNote?.(note);
  const dtypes = storedDtypes({ model, dtype });
  const tied = [...model.structure.linearLayers.values()].filter((layer) => layer.tied);
  try {
    await loadWeights({
      structure: model.structure,
      folder: weights?.path ?? folder,
      file: weights?.file,
      rename: renaming({ family, model }),
      ignore: family.ignore,
      duplicates: new Map(tied.map((layer) => [`${layer.name}.weight`, layer.weight.declaration.name])),
      onMatched: () => checkMemory({ structure: model.structure, path: folder, memoryBudget, dtypes }),
      trainable: trainable ?? dtype === 'float32',
      dtypes,
      onProgress,
    });
  } catch (error) {
    model.dispose();
    throw error;
  }
  return model;
}
