import { ModelFolderError, shown, type ModelStructure, type ParameterScope, type RawConfig } from '@subtext/nn';
import type { DecoderModel } from '../decoder-model';
import { buildRotaryDecoder } from './rotary-decoder';
import { textFamilies } from './text-families';

/** A nested config, such as `text_config`; an object, or an error that names it. */
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
 * The language part of a model for pictures and text, from `text_config`: any family with rotary positions, Llama
 * where the type is not said. Its parameters live under the scopes given.
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
  /** Of the whole model. */
  modelType: string;
  /** Of the whole model. */
  config: RawConfig;
  structure: ModelStructure;
  path: string;
  modelScope: ParameterScope;
  headScope: ParameterScope;
  /** Whether the logits' weights are the embedding's, from what the text part's `tie_word_embeddings` says. */
  tied: (textTied: boolean) => boolean;
  /** Keys of `text_config` that transformers keeps and never reads. Default none. */
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
    // transformers' models for pictures have an output layer of their own, which caps nothing.
    settings: { ...settings, tied: tied(settings.tied), logitSoftCap: null },
    modelScope,
    headScope,
  });
}
