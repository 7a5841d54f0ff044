import { PixelValuesError, type NumberArray, type PixelValues } from '@subtext/encoders';
import { gatherRows, tf } from '@subtext/tensor';
import type { ForwardOptions, LanguageModel } from './language-model';
import { ModelError } from './model-error';

/** Pictures as an image processor prepares them; each family uses what it needs. */
export interface ImageInputs {
  /** LLaVA `[images, channels, height, width]`, Idefics3 `[samples, tiles, …]`, Mllama `[samples, images, tiles, …]` */
  pixelValues: PixelValues;
  /** Idefics3: `[samples, tiles, height, width]`. @default all pixels belong to pictures */
  pixelAttentionMask?: NumberArray<Int32Array>;
  /** Mllama: `[samples, images]` */
  aspectRatioIds?: NumberArray<Int32Array>;
  /** Mllama: `[samples, images, tiles]` */
  aspectRatioMask?: NumberArray<Int32Array>;
}

/** Token ids of a batch, `[batch, time]`: rows on the host, or a tensor (which is read back). */
export type IdRows = readonly (readonly number[] | Int32Array)[] | tf.Tensor2D;

/** What goes into `forward`: `model.forward({ ...inputs, mask })`. */
export interface EmbeddedInputs {
  /** `[batch, time, width]` */
  embeddings: tf.Tensor3D;
  /** What else every pass needs: Mllama's image states. Empty for the others. */
  forwardExtras: Partial<ForwardOptions>;
}

/** A language model with a vision encoder. */
export interface MultimodalModel extends LanguageModel {
  /** The id that stands in a prompt where a vector of a picture goes. */
  readonly imageTokenId: number;
  /** How many such ids each picture (Idefics3: each tile) takes in a prompt. */
  readonly imageTokens: number;
  /** Pictures to vectors among which words are read, `[images, tokens, width]`. Frees nothing: call it inside `tf.tidy`. */
  encodeImages(images: ImageInputs): tf.Tensor3D;
  /**
   * Words and pictures of a batch as vectors: each image token takes the next vector, in order over the batch.
   *
   * @throws ModelError when image tokens and vectors do not match in number
   */
  embedInputs(options: {
    ids: IdRows;
    /** Pictures, or what `encodeImages` gave for them. Default none. */
    images?: ImageInputs | tf.Tensor3D | null;
    /** Mllama: 1 where a position sees a tile, `[batch, time, images, tiles]`. Default: from each image token to the next. */
    crossAttentionMask?: NumberArray<Int32Array> | null;
  }): EmbeddedInputs;
}

/** Whether a model can look at pictures. */
export function isMultimodal(model: LanguageModel): model is MultimodalModel {
  return 'encodeImages' in model;
}

const isTensor = (value: unknown): value is tf.Tensor => value instanceof tf.Tensor;

/** The ids of a batch on the host, row after row, and the vectors of their words, `[batch, time, width]`. */
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
  // An image token may lie beyond the vocabulary: its place is taken by a picture, so any row will do.
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
      message: `The rows of ids have ${[...new Set(ids.map((row) => row.length))].join(', ')} ids; pad them to one length.`,
    });
  }
  const values = new Int32Array(ids.length * time);
  for (const [row, entries] of ids.entries()) values.set(entries, row * time);
  return { values, batch: ids.length, time };
}

/** Puts the vectors of pictures in place of the image tokens, in order. Differentiable in both. */
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
        message: `The prompt has ${places.length} image tokens (id ${model.imageTokenId}) and no picture. Pass \`images\`, or take the tokens out.`,
      });
    }
    return words;
  }
  const features = isTensor(images) ? images : model.encodeImages(images);
  const [count, tokens, width] = features.shape;
  if (count * tokens !== places.length) {
    throw new ModelError({
      code: 'images-do-not-match',
      message: `The prompt has ${places.length} image tokens (id ${model.imageTokenId}), but the pictures give ${count} × ${tokens} vectors. Write ${model.imageTokens} image tokens for each picture.`,
    });
  }
  // Each position takes its word's row, or the next row of the pictures, which lie below all the words.
  const source = Int32Array.from({ length: batch * time }, (_, position) => position);
  for (const [index, place] of places.entries()) source[place] = batch * time + index;
  const rows = tf.concat(
    [tf.reshape(words, [batch * time, width]), tf.reshape(features, [count * tokens, width])],
    0,
  ) as tf.Tensor2D;
  return tf.reshape(gatherRows({ input: rows, indices: source }), [batch, time, width]) as tf.Tensor3D;
}

/** Turns an encoder's complaint about pictures into the model's. */
export function explainImages<Result>(modelType: string, compute: () => Result): Result {
  try {
    return compute();
  } catch (cause) {
    if (!PixelValuesError.isInstance(cause)) throw cause;
    throw new ModelError({ code: 'invalid-images', message: `${modelType}: ${cause.message}`, cause });
  }
}
