import { parameterStream, type ParameterHandle, type RawConfig, tokenTables } from '@subtext/nn';
import { normal, tf } from '@subtext/tensor';

import type { LanguageModel } from './language-model';
import { ModelError } from './model-error';
import { isMultimodal } from './multimodal-model';

/** Noise of a new token's row around the mean, in standard deviations of the table. */
const noise = 0.5;

export interface ResizeEmbeddingsOptions {
  model: LanguageModel;
  /** New number of rows, such as the tokenizer's `vocabularySize`; not fewer than now. */
  vocabularySize: number;
  /**
   * Initialisation of the new rows. `distinct`: the mean of all rows plus separate noise, so that a model can tell them
   * apart before training. `mean`: the mean for all. Or a copy of one token's row. Default `distinct`.
   */
  initialisation?: 'distinct' | 'mean' | { copyOf: number };
  /** Seed of the noise. Default 0. */
  seed?: number;
}

/** An untrained token. */
export interface NewToken {
  id: number;
  /**
   * Ids of tokens with a related meaning, such as the subwords of its name: it starts at their mean. Default: the mean
   * of all.
   */
  like?: readonly number[];
}

/**
 * Initialises the rows of untrained tokens in the embedding and an untied output layer: the mean of related tokens, or
 * of all, plus noise of half the table's standard deviation. No two tokens start alike, and the same seed gives the
 * same rows.
 */
export function drawTokenRows({
  model,
  tokens,
  seed = 0,
}: {
  model: LanguageModel;
  tokens: readonly NewToken[];
  /** Default 0. */ seed?: number;
}): void {
  if (tokens.length === 0) return;
  const fresh = new Set(tokens.map(({ id }) => id));
  for (const { name, weight } of tokenTables({ model })) {
    const table = model.parameters.get(weight) as tf.Variable<tf.Rank.R2>;
    tf.tidy(() => {
      const [count, width] = table.shape;
      const wrong = tokens
        .flatMap(({ id, like = [] }) => [id, ...like])
        .find((id) => !Number.isInteger(id) || id < 0 || id >= count);
      if (wrong !== undefined)
        throw new ModelError({
          code: 'invalid-option',
          message: `There is no token ${wrong} in ${name}; the ids are 0 to ${count - 1}.`,
        });
      // Exclude the new rows from the statistics.
      const trained = tf.tensor1d(Float32Array.from({ length: count }, (_, id) => (fresh.has(id) ? 0 : 1)));
      const share = tf.div(trained, Math.max(1, count - fresh.size));
      const mean = tf.sum(tf.mul(table, tf.expandDims(share, 1)), 0, true);
      const deviation = tf.sqrt(tf.div(tf.sum(tf.mul(tf.square(tf.sub(table, mean)), tf.expandDims(share, 1))), width));
      const rows = tokens.map(({ id, like = [] }) => {
        const known = like.filter((other) => !fresh.has(other));
        const start = known.length === 0 ? mean : tf.mean(tf.gather(table, tf.tensor1d(known, 'int32')), 0, true);
        return tf.add(
          start,
          tf.mul(
            normal({
              shape: [1, width],
              random: parameterStream({ seed, name: `${weight}[${id}]` }),
              standardDeviation: noise,
            }),
            deviation,
          ),
        );
      });
      const places = tf.tensor2d(
        tokens.map(({ id }) => [id]),
        [tokens.length, 1],
        'int32',
      );
      table.assign(tf.tensorScatterUpdate(table, places, tf.concat(rows, 0)) as tf.Tensor2D);
    });
  }
}

/** Appends rows to `table`: `[rows, width]` to `[rows + added, width]`. */
function extended({ table, added, copyOf }: { table: tf.Tensor2D; added: number; copyOf?: number }): tf.Tensor2D {
  return tf.tidy(() => {
    const row = copyOf === undefined ? tf.mean(table, 0, true) : tf.slice(table, [copyOf, 0], [1, -1]);
    return tf.concat([table, tf.tile(row as tf.Tensor2D, [added, 1])], 0);
  });
}

/**
 * Adds rows for new tokens to the token embedding and to an untied output layer. Create optimizers afterwards: existing
 * ones do not know about the new rows.
 *
 * @throws ModelError
 */
export function resizeEmbeddings({
  model,
  vocabularySize,
  initialisation = 'distinct',
  seed = 0,
}: ResizeEmbeddingsOptions): void {
  const { vocabularySize: present } = model.dimensions;
  const fail = (message: string): never => {
    throw new ModelError({ code: 'invalid-option', message });
  };
  if (!Number.isInteger(vocabularySize) || vocabularySize < present)
    fail(`The vocabulary can grow, not shrink: it has ${present} tokens, got ${vocabularySize}.`);
  const copyOf = typeof initialisation === 'string' ? undefined : initialisation.copyOf;
  if (copyOf !== undefined && !(Number.isInteger(copyOf) && copyOf >= 0 && copyOf < present))
    fail(`There is no token ${copyOf} to copy; the ids are 0 to ${present - 1}.`);
  if (model.head.outputWidth !== model.tokenEmbedding.count) {
    // Mllama's image token comes directly after the vocabulary and already has its row.
    const imageTokenId = isMultimodal(model) ? model.imageTokenId : -1;
    if (vocabularySize === present || (imageTokenId === present && vocabularySize === present + 1)) return;
    fail(
      `This ${model.modelType} has ${model.tokenEmbedding.count} embeddings and ${model.head.outputWidth} logits, so new tokens would not line up. Use reserved tokens of its vocabulary.`,
    );
  }
  if (model.head.adapter !== null || model.head.rows !== null || model.tokenEmbedding.rows !== null)
    fail(
      'The output layer or the embedding has an adapter for the current vocabulary. Resize first, then add the adapter.',
    );
  if (vocabularySize === present) return;
  const grow = (handle: ParameterHandle) => {
    const value = extended({
      table: handle.value as tf.Tensor as tf.Tensor2D,
      added: vocabularySize - present,
      copyOf,
    });
    model.structure.replace({ name: handle.declaration.name, value });
  };
  grow(model.tokenEmbedding.weight);
  if (!model.head.tied) grow(model.head.weight);
  const text = model.config.text_config as RawConfig | undefined;
  if (text !== undefined) text.vocab_size = vocabularySize;
  if (text === undefined || 'vocab_size' in model.config) model.config.vocab_size = vocabularySize;
  if (initialisation === 'distinct')
    drawTokenRows({
      model,
      seed,
      tokens: Array.from({ length: vocabularySize - present }, (_, index) => ({ id: present + index })),
    });
}
