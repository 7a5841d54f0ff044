import { PixelValuesError, type NumberArray, type PixelValues } from '@subtext/encoders';
import { gatherRows, tf } from '@subtext/tensor';
import type { ForwardOptions, LanguageModel } from './language-model';
import { ModelError } from './model-error';

/** Preprocessed images, as returned by an image processor; each family uses what it needs. */
export interface ImageInputs {
  /** LLaVA `[images, channels, height, width]`, Idefics3 `[samples, tiles, …]`, Mllama `[samples, images, tiles, …]` */
  pixelValues: PixelValues;
  /** Idefics3: `[samples, tiles, height, width]`. @default no padding */
  pixelAttentionMask?: NumberArray<Int32Array>;
  /** Mllama: `[samples, images]` */
  aspectRatioIds?: NumberArray<Int32Array>;
  /** Mllama: `[samples, images, tiles]` */
  aspectRatioMask?: NumberArray<Int32Array>;
}

/** Token ids of a batch, `[batch, time]`: rows on the host, or a tensor (which is read back). */
export type IdRows = readonly (readonly number[] | Int32Array)[] | tf.Tensor2D;

/** Inputs for `forward`: `model.forward({ ...inputs, mask })`. */
export interface EmbeddedInputs {
  /** `[batch, time, width]` */
  embeddings: tf.Tensor3D;
  /** Extra inputs of every pass: Mllama's image states. Empty for other models. */
  forwardExtras: Partial<ForwardOptions>;
}

/** A language model with a vision encoder. */
export interface MultimodalModel extends LanguageModel {
  /** Placeholder token id for an image vector in a prompt. */
  readonly imageTokenId: number;
  /** Number of placeholder ids per image (Idefics3: per tile). */
  readonly imageTokens: number;
  /**
   * Encodes images to vectors to insert among text embeddings, `[images, tokens, width]`. Does not dispose intermediate
   * tensors: call it inside `tf.tidy`.
   */
  encodeImages(images: ImageInputs): tf.Tensor3D;
  /**
   * Embeds text and images: each image token is replaced by the next image vector, in order over the batch.
   *
   * @throws ModelError if the numbers of image tokens and image vectors differ
   */
  embedInputs(options: {
    ids: IdRows;
    /** Images, or the result of `encodeImages`. Default none. */
    images?: ImageInputs | tf.Tensor3D | null;
    /**
     * Mllama: 1 where a position sees a tile, `[batch, time, images, tiles]`. Default: from each image token to the
     * next.
     */
    crossAttentionMask?: NumberArray<Int32Array> | null;
  }): EmbeddedInputs;
}

/** Whether a model accepts images. */
export function isMultimodal(model: LanguageModel): model is MultimodalModel {
  return 'encodeImages' in model;
}

const isTensor = (value: unknown): value is tf.Tensor => value instanceof tf.Tensor;

/** The ids of a batch on the host, row by row, and their embeddings, `[batch, time, width]`. */
export function embedWords({ model, ids }: { model: MultimodalModel; ids: IdRows }): {
  values: Int32Array;
  batch: number;
  time: number;
  words: tf.Tensor3D;
} {
  const { values, batch, time } = hostIds(ids);
  const { imageTokenId, tokenEmbedding } = model;
  const unknown = values.findIndex((id) => (id < 0 || id >= tokenEmbedding.count) && id !== imageTokenId);
  if (unknown >= 0) {
    throw new ModelError({
      code: 'invalid-token-id',
      message: `Row ${Math.floor(unknown / time)} has the id ${values[unknown]} at position ${unknown % time}; the model's ids are 0 to ${tokenEmbedding.count - 1}. Do the tokenizer and the model belong together?`,
    });
  }
  // An image token may be outside the vocabulary; its embedding is replaced, so any row will do.
  const known = imageTokenId < tokenEmbedding.count ? values : values.map((id) => (id === imageTokenId ? 0 : id));
  return {
    values,
    batch,
    time,
    words: model.embed(isTensor(ids) && known === values ? ids : tf.tensor2d(known, [batch, time], 'int32')),
  };
}

function hostIds(ids: IdRows): { values: Int32Array; batch: number; time: number } {
  if (isTensor(ids)) return { values: ids.dataSync() as Int32Array, batch: ids.shape[0], time: ids.shape[1] as number };
  const time = ids[0]?.length ?? 0;
  if (ids.some((row) => row.length !== time)) {
    throw new ModelError({
      code: 'invalid-option',
      message: `The rows of ids have ${[...new Set(ids.map((row) => row.length))].join(', ')} ids; pad them to the same length.`,
    });
  }
  const values = new Int32Array(ids.length * time);
  for (const [row, entries] of ids.entries()) values.set(entries, row * time);
  return { values, batch: ids.length, time };
}

/** Replaces image tokens by image vectors, in order. Differentiable in both. */
export function placeImages({
  model,
  ids,
  images,
}: {
  model: MultimodalModel;
  ids: IdRows;
  images?: ImageInputs | tf.Tensor3D | null;
}): tf.Tensor3D {
  const { values, batch, time, words } = embedWords({ model, ids });
  const places: number[] = [];
  for (const [position, id] of values.entries()) if (id === model.imageTokenId) places.push(position);
  if (images === null || images === undefined) {
    if (places.length > 0) {
      throw new ModelError({
        code: 'images-do-not-match',
        message: `The prompt has ${places.length} image tokens (id ${model.imageTokenId}) but no image. Pass \`images\`, or remove the tokens.`,
      });
    }
    return words;
  }
  const features = isTensor(images) ? images : model.encodeImages(images);
  const [count, tokens, width] = features.shape;
  if (count * tokens !== places.length) {
    throw new ModelError({
      code: 'images-do-not-match',
      message: `The prompt has ${places.length} image tokens (id ${model.imageTokenId}), but the images have ${count} × ${tokens} vectors. Write ${model.imageTokens} image tokens per image.`,
    });
  }
  // Gather each position from the text embeddings or from the image vectors, concatenated below them.
  const source = Int32Array.from({ length: batch * time }, (_, position) => position);
  for (const [index, place] of places.entries()) source[place] = batch * time + index;
  const rows = tf.concat(
    [tf.reshape(words, [batch * time, width]), tf.reshape(features, [count * tokens, width])],
    0,
  ) as tf.Tensor2D;
  return tf.reshape(gatherRows({ input: rows, indices: source }), [batch, time, width]) as tf.Tensor3D;
}

/** Converts an encoder's error about images to a model error. */
export function explainImages<Result>(modelType: string, compute: () => Result): Result {
  try {
    return compute();
  } catch (cause) {
    if (!PixelValuesError.isInstance(cause)) throw cause;
    throw new ModelError({ code: 'invalid-images', message: `${modelType}: ${cause.message}`, cause });
  }
}
