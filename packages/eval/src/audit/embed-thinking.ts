import type { Answer, EmbeddedSequences, Question, Reasoner } from '@subtext/reasoner';
import { scatterRows, tf } from '@subtext/tensor';

import { EvaluationError } from '../errors';

/**
 * The prompts as they were thought through: without the places of thoughts that the reasoner decided not to think
 * (`adaptive`). Ids, without padding; positions of an answer's thoughts count back from their ends.
 */
export function thoughtPrompts({
  reasoner,
  questions,
  answers,
}: {
  reasoner: Reasoner;
  questions: readonly Question[];
  /** By question: what it was answered, with its thoughts. */
  answers: readonly Answer[];
}): number[][] {
  const { method } = reasoner;
  const context = reasoner.layoutContext();
  return reasoner.prompts(questions).map((prompt, row) => {
    const places = method.promptThoughts?.({ example: questions[row]!, context }) ?? [];
    const left = new Set(places.slice(answers[row]!.thoughts.length).map(({ position }) => position));
    return prompt.filter((_, position) => !left.has(position));
  });
}

/**
 * Sequences of prompts and responses as vectors, `[questions, time, width]`, padded on the left, with the states that
 * were fed back in the places of continuous thoughts. The caller frees `embeddings` and `forwardExtras`.
 *
 * @throws EvaluationError invalid-option where continuous thoughts were read `at` their position: the state that was fed back is the one before.
 */
export async function embedThinking({
  reasoner,
  questions,
  answers,
  sequences,
}: {
  reasoner: Reasoner;
  questions: readonly Question[];
  /** By question: what it was answered, with its thoughts. */
  answers: readonly Answer[];
  /** By question: its prompt as {@link thoughtPrompts} gives it, and what follows. */
  sequences: readonly (readonly number[])[];
}): Promise<EmbeddedSequences> {
  const { method, settings } = reasoner;
  const embedded = await reasoner.embedSequences({ questions, sequences });
  const context = reasoner.layoutContext();
  const fed = questions.flatMap((question, row) =>
    (method.promptThoughts?.({ example: question, context }) ?? [])
      .slice(0, answers[row]!.thoughts.length)
      .flatMap(({ kind, position }, place) => (kind === 'continuous' ? [{ row, position, place }] : [])),
  );
  if (fed.length === 0) return embedded;
  if (settings.thoughtReading !== 'before') {
    tf.dispose([embedded.embeddings, embedded.forwardExtras as tf.TensorContainer]);
    throw new EvaluationError({
      code: 'invalid-option',
      message:
        'Continuous thoughts that are read at their own position cannot be audited: the state that was fed back is the one before. Take a reasoner whose "thoughtReading" is "before".',
    });
  }
  const { embeddings } = embedded;
  const placed = tf.tidy(() => {
    const [rows, time, width] = embeddings.shape;
    const values = new Float32Array(fed.length * width);
    for (const [index, { row, place }] of fed.entries())
      values.set(answers[row]!.thoughts[place]!.hidden, index * width);
    const indices = Int32Array.from(fed, ({ row, position }) => row * time + time - sequences[row]!.length + position);
    return tf.reshape(
      scatterRows({
        input: tf.reshape(embeddings, [rows * time, width]) as tf.Tensor2D,
        indices,
        updates: tf.tensor2d(values, [fed.length, width]),
      }),
      [rows, time, width],
    ) as tf.Tensor3D;
  });
  embeddings.dispose();
  return { ...embedded, embeddings: placed };
}
