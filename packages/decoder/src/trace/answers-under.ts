import {
  type Answer,
  answerStart,
  type ChangedPlaces,
  parseAnswer,
  type Question,
  type Reasoner,
  type ReplayOptions,
  replayAnswers,
} from '@subtext/reasoner';
import { crossEntropy, gatherRows, tf } from '@subtext/tensor';

/** What is answered under one change. */
export interface AnswerUnder {
  /** What the model writes; null where it comes to no answer. */
  answer: string | null;
  /** Of the answer that it gave by itself, its closing mark and the end, in nats: ln p of the whole. */
  logProbability: number;
}

/** A change, and the response in which it is made. */
export type ChangedResponse = ChangedPlaces & { /** @default the answer's own response */ answer?: Answer };

/**
 * Answers a question under several changes of its thoughts, side by side. A response stays as it is up to the answer's mark,
 * whatever is changed in it; the answer is written from there. So is measured what the own answer loses.
 *
 * @returns one for each change; all without an answer where the response came to none by itself
 */
export async function answersUnder({
  reasoner,
  question,
  answer,
  changes,
}: {
  reasoner: Reasoner;
  question: Question;
  /** What the reasoner answered by itself. */
  answer: Answer;
  changes: readonly ChangedResponse[];
}): Promise<AnswerUnder[]> {
  const own = answerStart({ reasoner, answer });
  const starts = changes.map((change) => answerStart({ reasoner, answer: change.answer ?? answer }));
  // Without an answer of its own there is none to be lost.
  if (!own.found) return changes.map(() => ({ answer: null, logProbability: Number.NaN }));
  const rows = [...changes.keys()];
  const base = rows.map((row) => changes[row]!.answer ?? answer);
  const { tokenizer, settings, format } = reasoner;
  const endId = tokenizer.idOf(settings.endToken);
  const response = answer.ids.slice(own.ids.length - answer.prompt.length);
  const same = <Value>(value: Value) => rows.map(() => value);
  const replay = (after: readonly number[], rest: Pick<ReplayOptions, 'room'> = {}) =>
    replayAnswers({
      reasoner,
      questions: same(question),
      answers: base,
      sequences: rows.map((row) => [...starts[row]!.ids, ...after]),
      hidden: rows.map((row) => changes[row]!.hidden),
      places: rows.map((row) => changes[row]!.places),
      ...rest,
    });
  const room = Math.ceil(response.length * 1.5) + 4;
  const writing = await replay([], { room });
  const answers: (string | null)[] = [];
  try {
    const written = await writing.session.write({ inputs: writing.inputs, maxNewTokens: room, stopIds: [endId] });
    for (const [row, ids] of written.ids.entries()) {
      const content = written.reasons[row] === 'stop-id' ? ids.slice(0, -1) : ids;
      const before = starts[row]!.ids.slice(base[row]!.prompt.length);
      const text = tokenizer.decode([...before, ...content], {
        skipSpecialTokens: false,
      });
      answers.push(parseAnswer({ text, format }) ?? null);
    }
  } finally {
    writing.dispose();
  }
  const reading = await replay(response);
  try {
    const losses = tf.tidy(() => {
      const hidden = reading.session.feed(reading.inputs);
      const [count, time, width] = hidden.shape;
      // Sequences end together: padding stands before them.
      const first = time - response.length - 1;
      const indices = Int32Array.from(
        { length: count * response.length },
        (_, index) => Math.floor(index / response.length) * time + first + (index % response.length),
      );
      const states = gatherRows({ input: tf.reshape(hidden, [count * time, width]) as tf.Tensor2D, indices });
      const labels = tf.tensor1d(same(response).flat(), 'int32');
      return crossEntropy({ logits: reasoner.model.logits(states), labels });
    });
    const values = (await losses.data().finally(() => losses.dispose())) as Float32Array;
    return rows.map((row) => ({
      // A response that did not come to the mark by itself has no answer; its likelihood is taken with the mark added.
      answer: starts[row]!.found ? answers[row]! : null,
      logProbability: -values
        .subarray(row * response.length, (row + 1) * response.length)
        .reduce((sum, value) => sum + value, 0),
    }));
  } finally {
    reading.dispose();
  }
}
