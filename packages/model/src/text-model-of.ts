import type { RawConfig } from '@subtext/nn';
import { tf } from '@subtext/tensor';

import { createModel } from './create-model';
import { mllamaWithoutPictures } from './families/mllama';
import { findFamily } from './families/registry';
import type { LanguageModel } from './language-model';

/** Where a multimodal checkpoint keeps its language part's parameters, under names that begin with this. */
const textPrefix = 'model.language_model.';
/** Where Idefics3 and SmolVLM keep them. */
const otherPrefix = 'model.text_model.';

/**
 * A text model of its own with a copy of a model's language part: an interpreter that starts from the reasoner's words.
 * A text model gives a copy of itself. Of an Mllama it takes the layers over words: a Llama, which computes what the
 * Mllama computes where there is no picture.
 */
export function textModelOf({ model }: { model: LanguageModel }): LanguageModel {
  if (model.modelType === 'mllama') return textModelOfMllama(model);
  const part = model.config.text_config as RawConfig | undefined;
  const tied = model.head.tied;
  const config: RawConfig =
    part === undefined
      ? model.config
      : uncapped({
          model_type: 'llama',
          ...part,
          vocab_size: model.dimensions.vocabularySize,
          tie_word_embeddings: tied,
        });
  const text = createModel({ config, seed: 0 });
  for (const [name, variable] of text.parameters.entries()) {
    const nested = [textPrefix, otherPrefix].map((prefix) => name.replace(/^model\./, prefix));
    variable.assign(model.parameters.get(nested.find((one) => model.parameters.has(one)) ?? name));
  }
  return text;
}

/** A config whose logits are as the output layer gives them: as in a model for pictures, whatever its text part's own default. */
function uncapped(config: RawConfig): RawConfig {
  const path = 'text_config';
  const { readTextSettings } = findFamily({ modelType: config.model_type, path });
  const caps = (readTextSettings?.({ config, path }).logitSoftCap ?? null) !== null;
  return caps ? { ...config, final_logit_softcapping: null } : config;
}

function textModelOfMllama(model: LanguageModel): LanguageModel {
  const { config, layers } = mllamaWithoutPictures({ config: model.config, path: 'config' });
  const text = createModel({ config, seed: 0 });
  for (const [name, variable] of text.parameters.entries()) {
    const source = model.parameters.get(
      name === 'lm_head.weight'
        ? name
        : name.replace(
            /^model\.(layers\.(\d+))?/,
            (_, whole?: string, layer?: string) =>
              `${textPrefix}${whole === undefined ? '' : `layers.${layers[Number(layer)]}`}`,
          ),
    );
    // The embedding has rows beyond the vocabulary, for the image token; a Llama has none.
    tf.tidy(() =>
      variable.assign(source.shape[0] === variable.shape[0] ? source : tf.slice(source, 0, variable.shape[0])),
    );
  }
  return text;
}
