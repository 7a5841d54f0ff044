import type { LanguageModel } from '@subtext/model';
import { tf } from '@subtext/tensor';

import { ReasonerError } from '../errors';
import { type KnowledgePack, packTensorNames } from './knowledge-pack';
import { modelFingerprint } from './model-fingerprint';

/** Refuses packs that a model cannot go on from, as `PackedModel.open` says. */
export async function checkPacks({
  model,
  packs,
}: {
  model: LanguageModel;
  packs: readonly KnowledgePack[];
}): Promise<void> {
  if (packs.length === 0)
    throw new ReasonerError({ code: 'invalid-option', message: 'There is no pack: give at least one.' });
  const own = await modelFingerprint(model);
  const names = (pack: KnowledgePack) => pack.documents.join(', ') || 'a document without a name';
  for (const [index, pack] of packs.entries()) {
    checkWidths({ model, pack, name: names(pack) });
    if (pack.model !== own)
      throw new ReasonerError({
        code: 'pack-mismatch',
        message: `The pack of ${names(pack)} is for another model: it was made with ${pack.model.slice(0, 12)}…, this is ${own.slice(0, 12)}…. Give the model that it was made with, with its weights in the same numbers (--dtype), or make the pack anew with this one.`,
      });
    if (packs.slice(0, index).some((before) => samePack(before, pack)))
      throw new ReasonerError({
        code: 'invalid-option',
        message: `The pack of ${names(pack)} is given twice: what it holds would weigh double. Give each pack once.`,
      });
  }
  const span = Math.max(...packs.map((pack) => pack.span));
  const { maxPositions } = model.dimensions;
  if (span >= maxPositions)
    throw new ReasonerError({
      code: 'example-too-long',
      message: `The longest packed document stands for ${span} positions; the model has room for ${maxPositions} in all, and none is left for a question.`,
    });
}

/** Whether two packs hold the same rows. */
function samePack(first: KnowledgePack, second: KnowledgePack): boolean {
  return (
    first.places.length === second.places.length &&
    first.tensors.length === second.tensors.length &&
    first.tensors.every(({ values }, index) => {
      const other = second.tensors[index]!.values;
      return values.length === other.length && values.every((value, at) => value === other[at]);
    })
  );
}

/** Refuses tensors of other numbers and widths than the model's cache has. */
function checkWidths({ model, pack, name }: { model: LanguageModel; pack: KnowledgePack; name: string }): void {
  const { layers, width } = model.dimensions;
  const expected = packTensorNames({ form: pack.form, layers });
  const wide = pack.form === 'thoughts' ? width : cacheWidth(model);
  const fits =
    pack.tensors.length === expected.length &&
    pack.tensors.every((tensor, index) => tensor.name === expected[index] && tensor.width === wide);
  if (fits) return;
  const first = pack.tensors[0];
  throw new ReasonerError({
    code: 'pack-mismatch',
    message: `The pack of ${name} is for another model: it holds ${pack.tensors.length} tensors of width ${first?.width ?? 0}; this model takes ${expected.length} of width ${wide}. Give the model that it was made with, or make the pack anew with this one.`,
  });
}

/** Width of a layer's keys in a cache. */
function cacheWidth(model: LanguageModel): number {
  return tf.tidy(() => {
    const cache = model.newGrowingCache();
    model.forward({ embeddings: tf.zeros([1, 1, model.dimensions.width]), cache });
    return cache.layer(0).grown!.past!.key.shape[2];
  });
}
