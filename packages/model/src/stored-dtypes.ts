import { ModelFolderError } from '@subtext/nn';
import { engineCapabilities, engineName, type WeightDtype } from '@subtext/tensor';

import type { LanguageModel } from './language-model';

/** How the weights of a model may be stored. */
export const weightDtypes: readonly WeightDtype[] = ['float32', 'bf16', 'f16', 'int8', 'int4'];

/**
 * Which of a model's parameters are stored in fewer bits, and how: the weights of its linear layers. With `int4` the
 * tables of tokens, from which and to which every position goes, take 8 bits.
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
 * Throws unless the engine in use stores weights so, and nobody wants to train them.
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
    fail(`there is no dtype "${String(dtype)}"; there are ${weightDtypes.join(', ')}.`);
  if (dtype === 'float32') return;
  const { weightDtypes: own = ['float32'] } = engineCapabilities();
  if (!own.includes(dtype))
    fail(
      `the engine ${engineName()} does not store weights as ${dtype}, only as ${own.join(', ')}. Use the engine native, or dtype float32.`,
    );
  if (trainable === true)
    fail(
      `weights stored as ${dtype} do not train, and trainable is true. Leave trainable out and train an adapter (addLora), or take dtype float32.`,
    );
}
