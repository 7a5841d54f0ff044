import { tf } from '@subtext/tensor';

import type { LanguageModel } from '../language-model';
import type { EmbeddedPrompts } from './generate-options';

/** Pads prompts of ids on the left, so that they all end at the same position. */
export function leftPad({
  prompts,
  padId = 0,
}: {
  prompts: readonly (readonly number[] | Int32Array)[];
  /** @default 0 */
  padId?: number;
}): { ids: Int32Array; mask: number[][] | null; time: number } {
  const time = Math.max(...prompts.map((prompt) => prompt.length));
  const ids = new Int32Array(prompts.length * time).fill(padId);
  for (const [row, prompt] of prompts.entries()) ids.set(prompt, (row + 1) * time - prompt.length);
  const even = prompts.every((prompt) => prompt.length === time);
  const mask = even
    ? null
    : prompts.map((prompt) => Array.from({ length: time }, (_, index) => (index < time - prompt.length ? 0 : 1)));
  return { ids, mask, time };
}

/** Appends the same ids to every row: `[batch, time, width]` to `[batch, time + ids, width]`. */
export function appendIds({
  model,
  embeddings,
  ids,
}: {
  model: LanguageModel;
  embeddings: tf.Tensor3D;
  ids: readonly number[];
}): tf.Tensor3D {
  return tf.tidy(() => {
    const [batch] = embeddings.shape;
    const rows = Array.from({ length: batch }, () => [...ids]);
    return tf.concat([embeddings, model.embed(tf.tensor2d(rows, [batch, ids.length], 'int32'))], 1);
  });
}

/** Embeds prompts, padded on the left. */
export function embedPrompts({
  model,
  prompts,
}: {
  model: LanguageModel;
  prompts: readonly (readonly number[] | Int32Array)[];
}): EmbeddedPrompts {
  const { ids, mask, time } = leftPad({ prompts });
  return { embeddings: tf.tidy(() => model.embed(tf.tensor2d(ids, [prompts.length, time], 'int32'))), mask };
}
