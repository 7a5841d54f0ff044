import { writeFileAtomically, writeJsonFile } from '@subtext/core/node';
import type { RawConfig } from '@subtext/nn';
import { writeShardedSafetensors, type TensorPart } from '@subtext/safetensors';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { findFamily } from '../families/registry';
import type { LanguageModel } from '../language-model';
import { ModelError } from '../model-error';
import { configText } from './config-text';

export interface SaveModelOptions {
  model: LanguageModel;
  /** Created if it does not exist. Weight files of an earlier save are replaced; other files are kept. */
  folder: string;
  /** Dtype of the saved weights; narrower ones round. Default `F32`. */
  dtype?: 'F32' | 'BF16' | 'F16';
  /**
   * Maximum size of a weights file in bytes; larger models are sharded with an index. Default 5e9, as in transformers.
   */
  maximumShardBytes?: number;
}

const dtypeNames = { F32: 'float32', BF16: 'bfloat16', F16: 'float16' } as const;

/** The config to save, with transformers' class name and the dtype of the weights. */
function configToSave({ model, dtype }: { model: LanguageModel; dtype: keyof typeof dtypeNames }): RawConfig {
  const config: RawConfig = { ...model.config };
  config.architectures ??= [findFamily({ modelType: model.modelType, path: 'config' }).architecture];
  // transformers reads `torch_dtype` in every version, and `dtype` from 4.56: write the key that is present.
  const key = 'dtype' in config ? 'dtype' : 'torch_dtype';
  config[key] = dtypeNames[dtype];
  return config;
}

/**
 * Saves a model as a Hugging Face folder that transformers can load: config.json, model.safetensors (sharded if large)
 * and its generation_config.json. Files are written atomically, config.json last; an existing config.json is removed
 * first, so that an interrupted save never leaves a loadable mixture of two models.
 *
 * @throws ModelError `adapter-in-place` while an adapter is not merged; SafetensorsError
 */
export async function saveModel({ model, folder, dtype = 'F32', maximumShardBytes }: SaveModelOptions): Promise<void> {
  const adapted = [...model.structure.linearLayers.values()].filter(
    (layer) => layer.adapter !== null && !layer.adapter.merged,
  );
  if (adapted.length > 0) {
    throw new ModelError({
      code: 'adapter-in-place',
      message: `The model has adapters on ${adapted.length} layers, which are not part of its weights. Save them with saveAdapter, or merge them into the weights with mergeLora.`,
    });
  }
  await mkdir(folder, { recursive: true });
  const declarations = [...model.structure.declarations.values()];
  /** Reads one tensor at a time from the engine. */
  async function* parts(): AsyncGenerator<TensorPart> {
    for (const { name } of declarations)
      yield { name, data: (await model.parameters.get(name).data()) as Float32Array };
  }
  await writeShardedSafetensors({
    folder,
    tensors: new Map(declarations.map(({ name, shape }) => [name, { dtype, shape }])),
    parts: parts(),
    maximumShardBytes,
    beforePublish: () => rm(join(folder, 'config.json'), { force: true }),
  });
  const generationPath = join(folder, 'generation_config.json');
  // Otherwise another model's stop tokens and temperature would remain.
  if (model.generationConfig) await writeJsonFile({ path: generationPath, value: model.generationConfig });
  else await rm(generationPath, { force: true });
  await writeFileAtomically({ path: join(folder, 'config.json'), data: configText(configToSave({ model, dtype })) });
}
