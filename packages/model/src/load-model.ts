import { join } from 'node:path';
import { loadWeights, readConfig } from '@subtext/encoders';
import { buildModel } from './build-model';
import type { ModelFamily } from './families/model-family';
import type { LanguageModel } from './language-model';
import { readJsonFile } from './saving/json-file';

export interface LoadModelOptions {
  /** A Hugging Face model folder: config.json and model.safetensors, or model.safetensors.index.json and its shards. */
  folder: string;
  /** Whether the parameters are trained by default; freeze some with `model.parameters.freeze`. Default true. */
  trainable?: boolean;
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
 * Loads a model from a Hugging Face folder, in float32. A config that asks for something not supported, and weights that
 * are missing, unexpected or of the wrong shape, are refused by name.
 *
 * @throws ModelFolderError, SafetensorsError
 */
export async function loadModel({ folder, trainable = true, onProgress }: LoadModelOptions): Promise<LanguageModel> {
  const config = await readConfig({ folder });
  const generationConfig = await readJsonFile({ path: join(folder, 'generation_config.json') });
  const { model, family } = buildModel({ config, path: folder });
  model.generationConfig = generationConfig;
  const tied = [...model.structure.linearLayers.values()].filter((layer) => layer.tied);
  try {
    await loadWeights({
      structure: model.structure,
      folder,
      rename: renaming({ family, model }),
      ignore: family.ignore,
      duplicates: new Map(tied.map((layer) => [`${layer.name}.weight`, layer.weight.declaration.name])),
      trainable,
      onProgress,
    });
  } catch (error) {
    model.dispose();
    throw error;
  }
  return model;
}
