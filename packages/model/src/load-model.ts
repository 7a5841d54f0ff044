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
   * A Hugging Face model folder: config.json, and model.safetensors or pytorch_model.bin, in one file or in shards with
   * their index. Or an id of the Hugging Face Hub, such as `openai-community/gpt2`, which is downloaded once into the cache
   * of its tools.
   */
  folder: string;
  /** How an id of the hub is resolved: revision, token, progress. */
  hub?: HubOptions;
  /**
   * Weights from elsewhere, such as a checkpoint that has no config: they are taken in place of the folder's, with these
   * settings over those of its config.json. `path` names them in errors; `file` is closed. Default: the folder's own.
   */
  weights?: { file: SafetensorsFile; path: string; config: RawConfig };
  /**
   * How the weights of linear layers and the tables of tokens are stored: `bf16`, `f16` (of a file that holds them so),
   * `int8` (a scale for each row) or `int4` (NF4 in blocks of 64, QLoRA's, arXiv 2305.14314; the tables take 8 bits). What
   * is stored in fewer bits than float32 lies outside of the engine's memory, is widened as it is used, and does not train:
   * adapters train over it (`addLora`). Asks for an engine that has it: `native`. Default `float32`.
   */
  dtype?: WeightDtype;
  /**
   * Whether the parameters are trained by default; freeze some with `model.parameters.freeze`. Default true, but for a dtype
   * of fewer bits.
   */
  trainable?: boolean;
  /** Bytes that the weights may take as they are stored. Default: the machine's memory. */
  memoryBudget?: number;
  /**
   * Called for each thing that should be known about the folder and stops nothing, such as a setting that is passed over.
   * All of them are in `model.structure.notes`. Default: nothing.
   */
  onNote?: (note: string) => void;
  /** Called after each tensor. */
  onProgress?: (progress: { loaded: number; total: number }) => void;
}

/** Names in the file turned into ours: older spellings, and a base model's prefix that is missing. */
function renaming({ family, model }: { family: ModelFamily; model: LanguageModel }): (name: string) => string {
  const { declarations } = model.structure;
  return (name) => {
    const current = family.rename?.(name) ?? name;
    const prefixed = `${family.baseModelPrefix}.${current}`;
    return !declarations.has(current) && declarations.has(prefixed) ? prefixed : current;
  };
}

/**
 * Loads a model from a Hugging Face folder or from the hub, in float32 or in fewer bits. A config that asks for something not supported, and weights that
 * are missing, unexpected or of the wrong shape, are refused by name.
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
