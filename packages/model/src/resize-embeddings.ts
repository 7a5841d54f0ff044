import type { ParameterHandle, RawConfig } from '@subtext/encoders';
import { tf } from '@subtext/tensor';
import type { LanguageModel } from './language-model';
import { ModelError } from './model-error';
import { isMultimodal } from './multimodal-model';

export interface ResizeEmbeddingsOptions {
  model: LanguageModel;
  /** Rows of the token embedding afterwards, such as the tokenizer's `vocabularySize`; not fewer than now. */
  vocabularySize: number;
  /** What the new rows start as: the mean of all rows, or a copy of one token's. Default `mean`. */
  initialisation?: 'mean' | { copyOf: number };
}

/** `table` with further rows: `[rows, width]` to `[rows + added, width]`. */
function extended({ table, added, initialisation }: { table: tf.Tensor2D; added: number; initialisation: 'mean' | { copyOf: number } }): tf.Tensor2D {
  return tf.tidy(() => {
    const row = initialisation === 'mean' ? tf.mean(table, 0, true) : tf.slice(table, [initialisation.copyOf, 0], [1, -1]);
    return tf.concat([table, tf.tile(row as tf.Tensor2D, [added, 1])], 0);
  });
}

/**
 * Gives a model room for new tokens: rows are added to the token embedding and, where it has weights of its own, to the
 * output layer. An optimizer made before does not know of them: make it afterwards.
 *
 * @throws ModelError
 */
export function resizeEmbeddings({ model, vocabularySize, initialisation = 'mean' }: ResizeEmbeddingsOptions): void {
  const { vocabularySize: present } = model.dimensions;
  const fail = (message: string): never => {
    throw new ModelError({ code: 'invalid-option', message });
  };
  if (!Number.isInteger(vocabularySize) || vocabularySize < present) fail(`The vocabulary can grow, not shrink: it has ${present} tokens, asked for ${vocabularySize}.`);
  if (initialisation !== 'mean' && !(initialisation.copyOf >= 0 && initialisation.copyOf < present)) fail(`There is no token ${initialisation.copyOf} to copy; the ids are 0 to ${present - 1}.`);
  if (model.head.outputWidth !== model.tokenEmbedding.count) {
    // The image token of an Mllama stands right behind the vocabulary, and has its row already.
    const imageTokenId = isMultimodal(model) ? model.imageTokenId : -1;
    if (vocabularySize === present || (imageTokenId === present && vocabularySize === present + 1)) return;
    fail(`This ${model.modelType} has ${model.tokenEmbedding.count} embeddings and ${model.head.outputWidth} logits, so that new tokens would not line up. Use reserved tokens of its vocabulary.`);
  }
  if (model.head.adapter !== null) fail('The output layer has an adapter for the present vocabulary. Resize first, then add the adapter.');
  if (vocabularySize === present) return;
  const grow = (handle: ParameterHandle) => {
    const value = extended({ table: handle.value as tf.Tensor as tf.Tensor2D, added: vocabularySize - present, initialisation });
    model.structure.replace({ name: handle.declaration.name, value });
  };
  grow(model.tokenEmbedding.weight);
  if (!model.head.tied) grow(model.head.weight);
  const text = model.config.text_config as RawConfig | undefined;
  if (text !== undefined) text.vocab_size = vocabularySize;
  if (text === undefined || 'vocab_size' in model.config) model.config.vocab_size = vocabularySize;
}
