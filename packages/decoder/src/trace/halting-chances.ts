import { replayAnswers } from '@subtext/reasoner';
import { gatherRows, tf } from '@subtext/tensor';

import type { AnsweredQuestion } from './needed-thoughts';

/**
 * By how many thoughts were thought, 0 to all: how likely the halting head goes on after them,
 * `q = σ((w_more − w_stop) · s / √width)` with the state s there (method `adaptive`). It answers where q is below one half,
 * and after its last thought in any case.
 *
 * @returns null for a method without a halting head
 */
export async function haltingChances({ reasoner, question, answer }: AnsweredQuestion): Promise<number[] | null> {
  const marks = reasoner.method.halting?.(reasoner.layoutContext());
  if (marks?.more === undefined) return null;
  const { prompt } = answer;
  const thoughts = answer.thoughts.map(({ position }) => prompt.length + position);
  // The mark that ends thinking follows the last thought, or, where none was thought, the mark that begins it.
  const places = [thoughts[0] === undefined ? prompt.lastIndexOf(marks.stop) - 1 : thoughts[0] - 1, ...thoughts];
  const replay = await replayAnswers({ reasoner, questions: [question], answers: [answer], sequences: [prompt] });
  try {
    const chances = tf.tidy(() => {
      const states = replay.session.feed(replay.inputs);
      const [, time, width] = states.shape;
      const rows = gatherRows({
        input: tf.reshape(states, [time, width]) as tf.Tensor2D,
        indices: Int32Array.from(places),
      });
      const logits = reasoner.model.logits(rows);
      const [more, stop] = [marks.more, marks.stop].map((id) => tf.slice(logits, [0, id], [-1, 1]));
      return tf.sigmoid(tf.div(tf.sub(more!, stop!), Math.sqrt(width)));
    });
    return Array.from(await chances.data().finally(() => chances.dispose()));
  } finally {
    replay.dispose();
  }
}
