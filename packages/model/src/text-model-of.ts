import type { RawConfig } from '@subtext/nn';
import { tf } from '@subtext/tensor';

import { createModel } from './create-model';
import { mllamaWithoutPictures } from './families/mllama';
import { findFamily } from './families/registry';
import type { LanguageModel } from './language-model';

/** Name prefix of the text model's parameters in a multimodal checkpoint. */
const textPrefix = 'model.language_model.';
/** The same in Idefics3 and SmolVLM. */
const otherPrefix = 'model.text_model.';

/**
 * Creates a text model with a copy of a model's text weights, for an interpreter initialised from the reasoner. A text
 * model is simply copied. From an Mllama it takes the self-attention layers: a Llama, which computes the same as the
 * Mllama without images.
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

/** A config without a logit soft cap, as in vision-language models, whatever the text model's default. */
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
    // Drop the image token's embedding rows, which a Llama does not have.
    tf.tidy(() =>
      variable.assign(source.shape[0] === variable.shape[0] ? source : tf.slice(source, 0, variable.shape[0])),
    );
  }
  return text;
}
