import { ModelFolderError, shown } from '@subtext/nn';
import { idefics3Family, smolvlmFamily } from './idefics3';
import { llavaFamily } from './llava';
import { mllamaFamily } from './mllama';
import type { ModelFamily } from './model-family';
import { recurrentFamily } from './recurrent';
import { textFamilies } from './text-families';

/** Supported architectures. To add one, add a file and a line here, or in `text-families.ts` for a text model. */
const families: ModelFamily[] = [
  ...textFamilies,
  llavaFamily,
  idefics3Family,
  smolvlmFamily,
  mllamaFamily,
  recurrentFamily,
];

/**
 * Registers an architecture, to be loaded and created by its `model_type`. Throws ModelFolderError
 * `unsupported-model-type` if that exists.
 */
export function registerFamily(family: ModelFamily): void {
  if (families.some(({ modelType }) => modelType === family.modelType))
    throw new ModelFolderError({
      code: 'unsupported-model-type',
      path: 'registerFamily',
      message: `the model_type ${shown(family.modelType)} already exists; register the family under another one.`,
    });
  families.push(family);
}

/** The supported `model_type`s. */
export function supportedModelTypes(): string[] {
  return families.map(({ modelType }) => modelType);
}

/** Finds a config's family; throws for an unknown `model_type`. */
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
