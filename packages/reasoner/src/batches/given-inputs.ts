import type { LanguageModel } from '@subtext/model';
import { scatterRows, tf } from '@subtext/tensor';

import type { GivenInput, Layout } from '../methods/reasoning-method';

/** What stands in a batch in place of tokens' embeddings. Places are `row · time + column`. */
export interface GivenInputs {
  /** Mixtures of embeddings, `Σ_i w_i e(id_i)`, each of `count` ids, padded with weight 0. */
  mixtures?: {
    places: Int32Array;
    count: number;
    /** `[places · count]` */ ids: Int32Array;
    /** `[places · count]` */ weights: Float32Array;
  };
  /** Vectors, through which no gradient passes. */
  vectors?: {
    places: Int32Array;
    /** `[places · width]` */ values: Float32Array;
  };
}

/** Collects what layouts give in place of tokens. Undefined where none does. */
export function collateInputs({
  layouts,
  time,
  offsets,
}: {
  layouts: readonly Pick<Layout, 'inputs'>[];
  time: number;
  /** Padding before each row. @default none */
  offsets?: Int32Array;
}): GivenInputs | undefined {
  const given = layouts.flatMap(({ inputs = [] }, row) =>
    inputs.map((input) => ({ ...input, place: row * time + (offsets?.[row] ?? 0) + input.position })),
  );
  type Placed<Kind> = Kind & { place: number };
  const mixtures = given.filter((input): input is Placed<Extract<GivenInput, { ids: unknown }>> => 'ids' in input);
  const vectors = given.filter((input): input is Placed<Extract<GivenInput, { vector: unknown }>> => 'vector' in input);
  if (given.length === 0) return undefined;
  const count = Math.max(1, ...mixtures.map(({ ids }) => ids.length));
  const ids = new Int32Array(mixtures.length * count);
  const weights = new Float32Array(mixtures.length * count);
  for (const [index, mixture] of mixtures.entries()) {
    ids.set(mixture.ids, index * count);
    weights.set(mixture.weights, index * count);
  }
  const places = (placed: readonly { place: number }[]) => Int32Array.from(placed, ({ place }) => place);
  return {
    ...(mixtures.length > 0 && { mixtures: { places: places(mixtures), count, ids, weights } }),
    ...(vectors.length > 0 && {
      vectors: { places: places(vectors), values: Float32Array.from(vectors.flatMap(({ vector }) => [...vector])) },
    }),
  };
}

/** The mixtures, `Σ_i w_i e(id_i)` each: `[places, width]`. */
export function mixedEmbeddings({
  model,
  mixtures: { places, count, ids, weights },
}: {
  model: LanguageModel;
  mixtures: NonNullable<GivenInputs['mixtures']>;
}): tf.Tensor2D {
  const words = model.embed(tf.tensor2d(ids, [places.length, count], 'int32'));
  return tf.sum(tf.mul(words, tf.tensor3d(weights, [places.length, count, 1])), 1) as tf.Tensor2D;
}

/** Puts them in their places: `[rows, time, width]`. */
export function placeInputs({
  model,
  embeddings,
  inputs: { mixtures, vectors },
}: {
  model: LanguageModel;
  /** `[rows, time, width]` */ embeddings: tf.Tensor3D;
  inputs: GivenInputs;
}): tf.Tensor3D {
  const [rows, time, width] = embeddings.shape;
  let placed = tf.reshape(embeddings, [rows * time, width]) as tf.Tensor2D;
  if (mixtures)
    placed = scatterRows({ input: placed, indices: mixtures.places, updates: mixedEmbeddings({ model, mixtures }) });
  if (vectors) {
    const updates = tf.tensor2d(vectors.values, [vectors.places.length, width]);
    placed = scatterRows({ input: placed, indices: vectors.places, updates });
  }
  return tf.reshape(placed, [rows, time, width]);
}
