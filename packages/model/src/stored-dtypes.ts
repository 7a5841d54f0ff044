import { ModelFolderError } from '@subtext/nn';
import { engineCapabilities, engineName, type WeightDtype } from '@subtext/tensor';

import type { LanguageModel } from './language-model';

/** Supported weight dtypes. */
export const weightDtypes: readonly WeightDtype[] = ['float32', 'bf16', 'f16', 'int8', 'int4'];

/**
 * Storage dtype of a model's parameters: applies to linear weights. With `int4`, token embeddings and the output layer
 * take 8 bits.
 */
export function storedDtypes({
  model,
  dtype,
}: {
  model: LanguageModel;
  dtype: WeightDtype;
}): ReadonlyMap<string, WeightDtype> {
  const dtypes = new Map<string, WeightDtype>();
  if (dtype === 'float32') return dtypes;
  for (const { weight } of model.structure.linearLayers.values()) dtypes.set(weight.declaration.name, dtype);
  for (const { weight } of [model.tokenEmbedding, model.head])
    dtypes.set(weight.declaration.name, dtype === 'int4' ? 'int8' : dtype);
  return dtypes;
}

/**
 * Throws unless the current engine can store weights in this dtype and they are not to be trained.
 *
 * @throws ModelFolderError `unsupported-dtype`
 */
export function checkDtype({
  dtype,
  trainable,
  path,
}: {
  dtype: WeightDtype;
  trainable: boolean | undefined;
  path: string;
}): void {
  const fail = (message: string): never => {
    throw new ModelFolderError({ code: 'unsupported-dtype', path, message });
  };
  if (!weightDtypes.includes(dtype))
    fail(`unknown dtype "${String(dtype)}"; expected one of ${weightDtypes.join(', ')}.`);
  if (dtype === 'float32') return;
  const { weightDtypes: own = ['float32'] } = engineCapabilities();
  if (!own.includes(dtype))
    fail(
      `the engine ${engineName()} cannot store weights as ${dtype}, only as ${own.join(', ')}. Use the engine native, or dtype float32.`,
    );
  if (trainable === true)
    fail(
      `weights stored as ${dtype} are not trainable, but trainable is true. Omit trainable and train an adapter (addLora), or use dtype float32.`,
    );
}
