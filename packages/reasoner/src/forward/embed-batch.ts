import { isMultimodal, type EmbeddedInputs, type LanguageModel } from '@subtext/model';
import { tf } from '@subtext/tensor';

import { type GivenInputs, placeInputs } from '../batches/given-inputs';
import type { BatchPictures } from '../batches/picture-store';
import { ReasonerError } from '../errors';
import { type BatchVisibility, passVisibility } from '../visibility/batch-visibility';

/** Embeddings of ids, with pictures in the places of the image tokens, and whatever else every pass needs. */
export function embedBatch({
  model,
  ids,
  rows,
  time,
  images,
  inputs,
  visibility,
}: {
  model: LanguageModel;
  /** int32 `[rows, time]` */
  ids: Int32Array;
  rows: number;
  time: number;
  /** Of the rows, from a `PictureStore`. Mllama sees each picture from its image token on. */
  images?: BatchPictures;
  /** What stands in place of tokens. @default nothing */
  inputs?: GivenInputs;
  /** Which positions attend to which, for one pass over all columns. @default causal: each position to all before it */
  visibility?: BatchVisibility;
}): EmbeddedInputs {
  const { embeddings: words, forwardExtras } = embedded({ model, ids, rows, time, images });
  const embeddings = inputs ? placeInputs({ model, embeddings: words, inputs }) : words;
  if (!visibility) return { embeddings, forwardExtras };
  checkTakesVisibility(model);
  return { embeddings, forwardExtras: { ...forwardExtras, visibility: passVisibility({ visibility, time }) } };
}

/** Refuses a model that would look at what a visibility table hides. */
export function checkTakesVisibility(model: LanguageModel): void {
  if (model.takesVisibility === true) return;
  throw new ReasonerError({
    code: 'visibility-unsupported',
    message: `A ${model.modelType} model ignores visibility tables. Take the visibility "all", or let the family's forward take \`visibility\`.`,
  });
}

function embedded({
  model,
  ids,
  rows,
  time,
  images,
}: Omit<Parameters<typeof embedBatch>[0], 'visibility' | 'inputs'>): EmbeddedInputs {
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
