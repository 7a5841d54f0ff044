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

/**
 * Answers a question under several changes of its thoughts, side by side. The response stays as it was up to the answer's
 * mark, whatever was changed in it; the answer is written from there. So is measured what the answer itself loses.
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
  changes: readonly ChangedPlaces[];
}): Promise<AnswerUnder[]> {
  const start = answerStart({ reasoner, answer });
  if (changes.length === 0) return [];
  if (!start.found) return changes.map(() => ({ answer: null, logProbability: Number.NaN }));
  const { tokenizer, settings, format } = reasoner;
  const endId = tokenizer.idOf(settings.endToken);
  const response = answer.ids.slice(start.ids.length - answer.prompt.length);
  const same = <Value>(value: Value) => changes.map(() => value);
  const replay = (sequence: readonly number[], rest: Pick<ReplayOptions, 'room'> = {}) =>
    replayAnswers({
      reasoner,
      questions: same(question),
      answers: same(answer),
      sequences: same(sequence),
      hidden: changes.map(({ hidden }) => hidden),
      places: changes.map(({ places }) => places),
      ...rest,
    });
  const room = Math.ceil(response.length * 1.5) + 4;
  const writing = await replay(start.ids, { room });
  const answers: (string | null)[] = [];
  try {
    const written = await writing.session.write({ inputs: writing.inputs, maxNewTokens: room, stopIds: [endId] });
    for (const [row, ids] of written.ids.entries()) {
      const content = written.reasons[row] === 'stop-id' ? ids.slice(0, -1) : ids;
      const text = tokenizer.decode([...start.ids.slice(answer.prompt.length), ...content], {
        skipSpecialTokens: false,
      });
      answers.push(parseAnswer({ text, format }) ?? null);
    }
  } finally {
    writing.dispose();
  }
  const reading = await replay([...start.ids, ...response]);
  try {
    const losses = tf.tidy(() => {
      const hidden = reading.session.feed(reading.inputs);
      const [rows, time, width] = hidden.shape;
      const first = start.ids.length - 1;
      const indices = Int32Array.from(
        { length: rows * response.length },
        (_, index) => Math.floor(index / response.length) * time + first + (index % response.length),
      );
      const states = gatherRows({ input: tf.reshape(hidden, [rows * time, width]) as tf.Tensor2D, indices });
      const labels = tf.tensor1d(same(response).flat(), 'int32');
      return crossEntropy({ logits: reasoner.model.logits(states), labels });
    });
    const values = (await losses.data().finally(() => losses.dispose())) as Float32Array;
    return answers.map((written, row) => ({
      answer: written,
      logProbability: -values
        .subarray(row * response.length, (row + 1) * response.length)
        .reduce((sum, value) => sum + value, 0),
    }));
  } finally {
    reading.dispose();
  }
}
