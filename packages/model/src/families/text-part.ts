import { ModelFolderError, shown, type ModelStructure, type ParameterScope, type RawConfig } from '@subtext/nn';
import type { DecoderModel } from '../decoder-model';
import { buildRotaryDecoder } from './rotary-decoder';
import { textFamilies } from './text-families';

/** Reads a nested config, such as `text_config`; throws if it is not an object. */
export function configPart({ config, key, path }: { config: RawConfig; key: string; path: string }): RawConfig {
  const part = config[key] ?? {};
  if (typeof part === 'object' && !Array.isArray(part)) return part as RawConfig;
  throw new ModelFolderError({
    code: 'invalid-config',
    path,
    message: `"${key}" must be an object, not ${shown(part)}.`,
  });
}

/**
 * Builds the text model of a vision-language model from `text_config`: any family with rotary embeddings, Llama if no
 * type is given. Its parameters are declared under the given scopes.
 */
export function buildTextPart({
  modelType,
  config,
  structure,
  path,
  modelScope,
  headScope,
  tied,
  notRead = [],
}: {
  /** `model_type` of the whole model. */
  modelType: string;
  /** Config of the whole model. */
  config: RawConfig;
  structure: ModelStructure;
  path: string;
  modelScope: ParameterScope;
  headScope: ParameterScope;
  /** Whether the output layer shares the embedding's weight, given the text config's `tie_word_embeddings`. */
  tied: (textTied: boolean) => boolean;
  /** Keys of `text_config` that transformers stores but never reads. Default none. */
  notRead?: readonly string[];
}): DecoderModel {
  const text: RawConfig = { model_type: 'llama', ...configPart({ config, key: 'text_config', path }) };
  for (const key of notRead) delete text[key];
  const known = textFamilies.filter(({ readTextSettings }) => readTextSettings !== undefined);
  const read = known.find((family) => family.modelType === text.model_type)?.readTextSettings;
  if (read === undefined) {
    throw new ModelFolderError({
      code: 'unsupported-model-type',
      path,
      message: `text_config: the model_type ${shown(text.model_type)} is not supported in a ${modelType}; these are: ${known.map((family) => family.modelType).join(', ')}.`,
    });
  }
  const settings = read({ config: text, path, at: 'text_config' });
  return buildRotaryDecoder({
    modelType,
    config,
    structure,
    // transformers' vision-language models have their own output layer, without a soft cap.
    settings: { ...settings, tied: tied(settings.tied), logitSoftCap: null },
    modelScope,
    headScope,
  });
}
