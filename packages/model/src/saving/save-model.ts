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
  /** Made if need be. Weight files of an earlier save are replaced; other files stay. */
  folder: string;
  /** The weights' type in the file; the narrower ones round. Default `F32`. */
  dtype?: 'F32' | 'BF16' | 'F16';
  /** The most bytes of weights in a file; more make several files and an index. Default 5e9, as transformers. */
  maximumShardBytes?: number;
}

const dtypeNames = { F32: 'float32', BF16: 'bfloat16', F16: 'float16' } as const;

/** The config as it must be saved: with the class for transformers to make and the type of the weights. */
function configToSave({ model, dtype }: { model: LanguageModel; dtype: keyof typeof dtypeNames }): RawConfig {
  const config: RawConfig = { ...model.config };
  config.architectures ??= [findFamily({ modelType: model.modelType, path: 'config' }).architecture];
  // transformers reads `torch_dtype` in every version, `dtype` from 4.56 on: written under the key that is there.
  const key = 'dtype' in config ? 'dtype' : 'torch_dtype';
  config[key] = dtypeNames[dtype];
  return config;
}

/**
 * Saves a model as a Hugging Face folder, which transformers loads: config.json, model.safetensors (in shards where it
 * is large) and the generation_config.json it came with. Each file appears whole or not at all, config.json last. Of a model
 * that was there before, config.json is taken away first: where a save is broken off, the folder holds no mixture that
 * loads.
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
      message: `The model has adapters on ${adapted.length} layers, which its own weights do not hold. Save them with saveAdapter, or merge them into the weights with mergeLora.`,
    });
  }
  await mkdir(folder, { recursive: true });
  const declarations = [...model.structure.declarations.values()];
  /** One tensor at a time is brought from the engine. */
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
  // Another model's stop tokens and temperature would stay otherwise.
  if (model.generationConfig) await writeJsonFile({ path: generationPath, value: model.generationConfig });
  else await rm(generationPath, { force: true });
  await writeFileAtomically({ path: join(folder, 'config.json'), data: configText(configToSave({ model, dtype })) });
}
