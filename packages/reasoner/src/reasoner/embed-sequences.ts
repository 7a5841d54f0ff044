import { type EmbeddedInputs, type LanguageModel, leftPad, sightVisibility } from '@subtext/model';
import { scatterRows, tf } from '@subtext/tensor';

import type { BatchPictures } from '../batches/picture-store';
import { embedBatch } from '../forward/embed-batch';
import type { WrittenRoles } from '../visibility/written-roles';
import type { Answer } from './answer';

/** Sequences as vectors, padded on the left. */
export interface EmbeddedSequences extends EmbeddedInputs {
  /** By sequence, 0 on padding; null where all have one length. */
  mask: number[][] | null;
  /** Positions, padding included. */
  time: number;
  /** By sequence, its tokens. */
  ids: readonly (readonly number[])[];
}

/** Sequences as vectors with their pictures in place: `[sequences, time, width]`. The caller frees what it is given. */
export function embedSequences({
  model,
  padId,
  sequences,
  answers,
  images,
  sights,
}: {
  model: LanguageModel;
  padId: number;
  /** By sequence, its ids. */
  sequences: readonly (readonly number[])[];
  /** By sequence: an answer whose `prompt` it begins with; the vectors that were fed at its thoughts stand in their places. */
  answers: readonly Pick<Answer, 'prompt' | 'thoughts'>[];
  images: BatchPictures | undefined;
  /** By sequence, which positions attend to which in it; not told of its tokens yet. */
  sights: readonly WrittenRoles[] | undefined;
}): EmbeddedSequences {
  const rows = sequences.length;
  const { ids, mask, time } = leftPad({ prompts: sequences, padId });
  const fed = answers.flatMap(({ prompt, thoughts }, row) =>
    thoughts.flatMap(({ input, position }) =>
      typeof input === 'number' || prompt.length + position >= sequences[row]!.length
        ? []
        : [{ input, index: (row + 1) * time - sequences[row]!.length + prompt.length + position }],
    ),
  );
  for (const [row, sight] of (sights ?? []).entries()) for (const id of sequences[row]!) sight.push(id);
  const columns = sequences.map(({ length }) => new Uint8Array(time).fill(1, time - length));
  const embedded = tf.tidy(() => {
    const words = embedBatch({ model, ids, rows, time, images });
    const whole = sights
      ? { ...words, forwardExtras: { ...words.forwardExtras, visibility: sightVisibility({ sights, columns }) } }
      : words;
    if (fed.length === 0) return whole as unknown as tf.TensorContainerObject;
    const { shape } = whole.embeddings;
    const placed = scatterRows({
      input: tf.reshape(whole.embeddings, [shape[0] * time, shape[2]]) as tf.Tensor2D,
      indices: Int32Array.from(fed, ({ index }) => index),
      updates: tf.stack(fed.map(({ input }) => tf.tensor1d(input))) as tf.Tensor2D,
    });
    return { ...whole, embeddings: tf.reshape(placed, shape) } as unknown as tf.TensorContainerObject;
  }) as unknown as EmbeddedInputs;
  return { ...embedded, mask, time, ids: sequences };
}
