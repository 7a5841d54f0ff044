import { softmax } from '@subtext/decoder';
import { lastPosition } from '@subtext/model';
import { type Answer, answerStart, type Question, type Reasoner, replayAnswers } from '@subtext/reasoner';
import { normalizeAnswer } from '@subtext/data';
import { crossEntropy, gatherRows, tf } from '@subtext/tensor';

import { encode } from '../audit/own-responses';
import { EvaluationError } from '../errors';

/** Where a response settles on a label. */
export interface Choice {
  /** Prompt and response up to the label's first token. */
  before: number[];
  /** Which label it wrote; −1 for none of them. */
  label: number;
}

/** The ids of labels, as they stand in a response. @throws EvaluationError `invalid-option` where two are the same to the model */
export function labelIds({ reasoner, labels }: { reasoner: Reasoner; labels: readonly string[] }): number[][] {
  const ids = labels.map((text) => encode({ reasoner, text }));
  const written = ids.map((own) => own.join(' '));
  const same = written.findIndex((own, index) => own === '' || written.indexOf(own) < index);
  if (same >= 0)
    throw new EvaluationError({
      code: 'invalid-option',
      message: `The reasoner's vocabulary does not tell "${labels[same]}" from ${written[same] === '' ? 'nothing' : `"${labels[written.indexOf(written[same]!)]}"`}: take a model that knows the labels.`,
    });
  return ids;
}

/** Where a response answers; `label` is what it answered. */
export function answerChoice({
  reasoner,
  answer,
  labels,
}: {
  reasoner: Reasoner;
  answer: Answer;
  labels: readonly string[];
}): Choice {
  const said = answer.answer === undefined ? undefined : normalizeAnswer(answer.answer);
  return {
    before: answerStart({ reasoner, answer }).ids,
    label: labels.findIndex((label) => normalizeAnswer(label) === said),
  };
}

/**
 * Where a response first writes a label in the text of a stage; undefined where it does not.
 *
 * @throws EvaluationError `invalid-option` for a stage that the reasoner does not have, or a format that does not mark stages
 */
export function stageChoice({
  reasoner,
  answer,
  ids,
  stage,
}: {
  reasoner: Reasoner;
  answer: Answer;
  /** By label. */
  ids: readonly (readonly number[])[];
  stage: string;
}): Choice | undefined {
  const { stages } = reasoner.settings;
  const index = stages.indexOf(stage);
  if (index < 0)
    throw new EvaluationError({
      code: 'invalid-option',
      message: `This reasoner has no stage "${stage}"; choose from ${stages.join(', ')}.`,
    });
  const marks = reasoner.format.step({ name: stage, index });
  const [open, close] = [encode({ reasoner, text: marks.open }), encode({ reasoner, text: marks.close })];
  if (open.length === 0 || close.length === 0)
    throw new EvaluationError({
      code: 'invalid-option',
      message: `The format "${reasoner.format.name}" has no marks around stages, so that what "${stage}" says cannot be found; train with reasoningFormat: tagged.`,
    });
  const stands = (part: readonly number[], at: number) => part.every((id, place) => answer.ids[at + place] === id);
  const opened = answer.ids.findIndex((_, at) => stands(open, at));
  if (opened < 0) return undefined;
  for (let at = opened + open.length; at < answer.ids.length && !stands(close, at); at++) {
    const label = ids.findIndex((own) => stands(own, at));
    if (label >= 0) return { before: [...answer.prompt, ...answer.ids.slice(0, at)], label };
  }
  return undefined;
}

/**
 * The model's own distributions over labels where its responses choose one: the probability that it gives to each label's
 * tokens there, by teacher forcing, of the labels' sum.
 *
 * @returns by response, by label
 */
export async function labelDistributions({
  reasoner,
  questions,
  answers,
  before,
  ids,
  batch = 32,
  signal,
}: {
  reasoner: Reasoner;
  questions: readonly Question[];
  answers: readonly Answer[];
  /** By response: prompt and response up to where a label stands or would stand. */
  before: readonly (readonly number[])[];
  /** By label. */
  ids: readonly (readonly number[])[];
  /** Responses side by side. @default 32 */
  batch?: number;
  signal?: AbortSignal;
}): Promise<number[][]> {
  const found: number[][] = [];
  for (let start = 0; start < answers.length; start += batch) {
    signal?.throwIfAborted();
    const rows = answers.slice(start, start + batch).flatMap((answer, row) =>
      ids.map((label) => ({
        answer,
        label,
        question: questions[start + row]!,
        sequence: [...before[start + row]!, ...label],
      })),
    );
    const replay = await replayAnswers({
      reasoner,
      questions: rows.map(({ question }) => question),
      answers: rows.map(({ answer }) => answer),
      sequences: rows.map(({ sequence }) => sequence),
    });
    try {
      const losses = tf.tidy(() => {
        const hidden = replay.session.feed(replay.inputs);
        const [count, time, width] = hidden.shape;
        const states = gatherRows({
          input: tf.reshape(hidden, [count * time, width]) as tf.Tensor2D,
          indices: Int32Array.from(
            rows.flatMap(({ label }, row) => label.map((_, place) => (row + 1) * time - label.length + place - 1)),
          ),
        });
        return crossEntropy({
          logits: reasoner.model.logits(states),
          labels: tf.tensor1d(
            rows.flatMap(({ label }) => label),
            'int32',
          ),
        });
      });
      const values = await losses.data().finally(() => losses.dispose());
      let next = 0;
      const scores = rows.map(({ label }) => label.reduce((sum) => sum - values[next++]!, 0));
      for (let row = 0; row < scores.length; row += ids.length)
        found.push(softmax(scores.slice(row, row + ids.length)));
    } finally {
      replay.dispose();
    }
  }
  return found;
}

/** The states in which a model chooses what comes next, `[width]` each: those of the last positions, after the final norm. */
export async function choiceStates({
  reasoner,
  questions,
  answers,
  before,
  batch = 32,
  signal,
}: Pick<
  Parameters<typeof labelDistributions>[0],
  'reasoner' | 'questions' | 'answers' | 'before' | 'batch' | 'signal'
>): Promise<Float32Array[]> {
  const found: Float32Array[] = [];
  for (let start = 0; start < answers.length; start += batch) {
    signal?.throwIfAborted();
    const end = start + batch;
    const replay = await replayAnswers({
      reasoner,
      questions: questions.slice(start, end),
      answers: answers.slice(start, end),
      sequences: before.slice(start, end),
    });
    try {
      const last = tf.tidy(() => lastPosition(replay.session.feed(replay.inputs)));
      const values = (await last.data().finally(() => last.dispose())) as Float32Array;
      const { width } = reasoner.model.dimensions;
      for (let place = 0; place < values.length; place += width) found.push(values.slice(place, place + width));
    } finally {
      replay.dispose();
    }
  }
  return found;
}
