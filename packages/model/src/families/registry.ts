import { ModelFolderError, shown } from '@subtext/nn';
import { idefics3Family, smolvlmFamily } from './idefics3';
import { llavaFamily } from './llava';
import { mllamaFamily } from './mllama';
import type { ModelFamily } from './model-family';
import { textFamilies } from './text-families';

/** The architectures that can be loaded. A new one is one file and one line here, or for a text model in `text-families.ts`. */
const families: readonly ModelFamily[] = [...textFamilies, llavaFamily, idefics3Family, smolvlmFamily, mllamaFamily];

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
