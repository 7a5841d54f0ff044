import { isMultimodal, type EmbeddedInputs, type LanguageModel } from '@subtext/model';
import { tf } from '@subtext/tensor';

import type { BatchPictures } from '../batches/picture-store';
import { ReasonerError } from '../errors';

/** Embeddings of ids, with pictures in the places of the image tokens, and whatever else every pass needs. */
export function embedBatch({
  model,
  ids,
  rows,
  time,
  images,
}: {
  model: LanguageModel;
  /** int32 `[rows, time]` */
  ids: Int32Array;
  rows: number;
  time: number;
  /** Of the rows, from a `PictureStore`. Mllama sees each picture from its image token on. */
  images?: BatchPictures;
}): EmbeddedInputs {
  if (!images) return { embeddings: model.embed(tf.tensor2d(ids, [rows, time], 'int32')), forwardExtras: {} };
  if (!isMultimodal(model)) {
    throw new ReasonerError({
      code: 'invalid-option',
      message: `A ${model.modelType} model takes no pictures. Leave the image out, or take a model with a vision encoder.`,
    });
  }
  return model.embedInputs({
    ids: Array.from({ length: rows }, (_, row) => ids.subarray(row * time, (row + 1) * time)),
    images,
  });
}
