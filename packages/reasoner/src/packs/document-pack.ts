import type { LanguageModel } from '@subtext/model';
import { gatherRows, tf } from '@subtext/tensor';

import { ReasonerError } from '../errors';
import { checkTakesPacks } from './check-takes-packs';
import { type KnowledgePack, packTensorNames, type PackForm, type PackTensor } from './knowledge-pack';
import { modelFingerprint } from './model-fingerprint';

export interface DocumentPackOptions {
  model: LanguageModel;
  /** The document's tokens, with what the model wants before any text (a beginning-of-text token). */
  ids: readonly number[];
  /** Rows of the pack. @default all positions of the document: nothing is condensed */
  positions?: number;
  /** @default 'cache' */
  form?: PackForm;
  /** Names of the documents in it. @default [] */
  documents?: readonly string[];
  /** Of the self-study to come, for the record. @default 0 */
  seed?: number;
}

/**
 * A pack of a document's own rows, as self-study starts from: the keys and values of evenly chosen positions, or the
 * embeddings of their tokens. The first position is always among them: models put attention there that looks at nothing.
 * With all positions it is the document itself: what follows it gets the same logits as after the text.
 *
 * @throws ReasonerError `empty-document`; `example-too-long` for a document that the model has no room for beside a question;
 * `invalid-option` for more rows than the document has positions; `pack-unsupported`
 */
export async function documentPack({
  model,
  ids,
  positions = ids.length,
  form = 'cache',
  documents = [],
  seed = 0,
}: DocumentPackOptions): Promise<KnowledgePack> {
  checkTakesPacks(model);
  checkDocument({ model, ids, positions });
  const places = Int32Array.from({ length: positions }, (_, row) => Math.floor((row * ids.length) / positions));
  const rows = tf.tidy(() => documentRows({ model, ids, places, form }));
  const names = packTensorNames({ form, layers: model.dimensions.layers });
  try {
    const tensors: PackTensor[] = [];
    for (const [index, tensor] of rows.entries())
      tensors.push({
        name: names[index]!,
        width: tensor.shape[1],
        values: (await tensor.data()) as Float32Array,
      });
    return { form, model: await modelFingerprint(model), places, span: ids.length, documents, seed, steps: 0, tensors };
  } finally {
    tf.dispose(rows);
  }
}

/** The rows at some positions, `[positions, width]` each, as {@link packTensorNames} orders them. */
function documentRows({
  model,
  ids,
  places,
  form,
}: Required<Pick<DocumentPackOptions, 'model' | 'ids' | 'form'>> & { places: Int32Array }): tf.Tensor2D[] {
  const embeddings = model.embed(tf.tensor2d([...ids], [1, ids.length], 'int32'));
  const chosen = (all: tf.Tensor3D) =>
    gatherRows({ input: tf.reshape(all, [all.shape[1], all.shape[2]]) as tf.Tensor2D, indices: places });
  if (form === 'thoughts') return [chosen(embeddings)];
  const cache = model.newGrowingCache();
  model.forward({ embeddings, cache, outputPositions: 1 });
  return Array.from({ length: model.dimensions.layers }, (_, layer) => {
    const { key, value } = cache.layer(layer).grown!.past!;
    return [chosen(key), chosen(value)];
  }).flat();
}

function checkDocument({
  model,
  ids,
  positions,
}: Required<Pick<DocumentPackOptions, 'model' | 'ids' | 'positions'>>): void {
  if (ids.length === 0)
    throw new ReasonerError({
      code: 'empty-document',
      message: 'The document is empty: there is nothing to make a knowledge pack of.',
    });
  const { maxPositions } = model.dimensions;
  if (ids.length >= maxPositions)
    throw new ReasonerError({
      code: 'example-too-long',
      message: `The document takes ${ids.length} tokens; the model has room for ${maxPositions} in all, the question and the answer among them. Make packs of its parts, and give them all.`,
    });
  if (!Number.isInteger(positions) || positions < 1 || positions > ids.length)
    throw new ReasonerError({
      code: 'invalid-option',
      message: `A pack of ${positions} positions cannot be made of a document of ${ids.length} tokens: positions is a whole number from 1 to ${ids.length}.`,
    });
}
