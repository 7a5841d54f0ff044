import { ModelFolderError, shown } from '@subtext/nn';
import { idefics3Family, smolvlmFamily } from './idefics3';
import { llavaFamily } from './llava';
import { mllamaFamily } from './mllama';
import type { ModelFamily } from './model-family';
import { recurrentFamily } from './recurrent';
import { textFamilies } from './text-families';

/** The architectures that can be loaded. A new one is one file and one line here, or for a text model in `text-families.ts`. */
const families: ModelFamily[] = [
  ...textFamilies,
  llavaFamily,
  idefics3Family,
  smolvlmFamily,
  mllamaFamily,
  recurrentFamily,
];

/** Adds an architecture, which is then loaded and made by its `model_type`. Throws ModelFolderError `unsupported-model-type` where that is taken. */
export function registerFamily(family: ModelFamily): void {
  if (families.some(({ modelType }) => modelType === family.modelType))
    throw new ModelFolderError({
      code: 'unsupported-model-type',
      path: 'registerFamily',
      message: `the model_type ${shown(family.modelType)} is supported already; give another to the one that is registered.`,
    });
  families.push(family);
}

/** The `model_type`s that can be loaded. */
export function supportedModelTypes(): string[] {
  return families.map(({ modelType }) => modelType);
}

/** The family of a config; an unknown `model_type` is refused by name. */
export function findFamily({ modelType, path }: { modelType: unknown; path: string }): ModelFamily {
  const family = families.find((candidate) => candidate.modelType === modelType);
  if (family === undefined) {
    throw new ModelFolderError({
      code: 'unsupported-model-type',
      path,
      message: `${modelType === undefined ? 'there is no model_type' : `the model_type ${shown(modelType)} is not supported`}; these are: ${supportedModelTypes().join(', ')}.`,
    });
  }
  return family;
}
