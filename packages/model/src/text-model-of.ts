import type { RawConfig } from '@subtext/encoders';
import { createModel } from './create-model';
import type { LanguageModel } from './language-model';
import { ModelError } from './model-error';

/** Where a multimodal checkpoint keeps its language part's parameters, under names that begin with this. */
const textPrefix = 'model.language_model.';

/**
 * A text model of its own with a copy of a model's language part: an interpreter that starts from the reasoner's words.
 * A text model gives a copy of itself.
 *
 * @throws ModelError where the model's language part is no model of its own (Mllama's cross-attention)
 */
export function textModelOf({ model }: { model: LanguageModel }): LanguageModel {
  const part = model.config.text_config as RawConfig | undefined;
  const tied = model.head.tied;
  const config: RawConfig = part === undefined ? model.config : { model_type: 'llama', ...part, vocab_size: model.dimensions.vocabularySize, tie_word_embeddings: tied };
  if (config.model_type === 'mllama_text_model') {
    throw new ModelError({ code: 'invalid-option', message: 'The language part of an mllama has cross-attention layers that look at pictures; it is no text model of its own. Take a Llama instead.' });
  }
  const text = createModel({ config, seed: 0 });
  for (const [name, variable] of text.parameters.entries()) {
    const nested = `${textPrefix}${name.replace(/^model\./, '')}`;
    variable.assign(model.parameters.get(model.parameters.has(nested) ? nested : name));
  }
  return text;
}
