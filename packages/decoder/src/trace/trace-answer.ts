import {
  type Answer,
  answerStart,
  type ChangedPlaces,
  type Question,
  type Reasoner,
  replayAnswers,
  sequenceRoles,
} from '@subtext/reasoner';
import { tf } from '@subtext/tensor';

import { euclideanNorm } from '../probes/thought-states';
import { attentionRows } from './attention-rows';
import { readTokens, tokenText } from './read-tokens';
import type { Trace } from './trace';
import { traceRecurrences } from './trace-recurrences';

/** Options of {@link traceAnswer}. */
export interface TraceAnswerOptions {
  reasoner: Reasoner;
  question: Question;
  /** What the reasoner answered. */
  answer: Answer;
  /** What is changed in it, as `changeThoughts` gives it. @default nothing */
  changed?: ChangedPlaces;
  /** Whether to tell who looks at whom. @default false */
  attention?: boolean;
  /** Whether to read every layer at the thoughts and before the answer: all tokens, or among the words, tags and thinking tokens left out. @default false */
  lens?: boolean | 'words';
  /** Tokens of a distribution. @default 8 */
  top?: number;
}

/**
 * Feeds an answer again, once, and writes down what happens in it. At a changed thought itself the pass computes what the
 * thought was before the change: attention and lens mean nothing there. Of a recurrent reasoner what was said after each
 * recurrence is told, without feeding anything.
 */
export async function traceAnswer({
  reasoner,
  question,
  answer,
  changed = { places: [], hidden: [] },
  attention = false,
  lens = false,
  top = 8,
}: TraceAnswerOptions): Promise<Trace> {
  if (answer.recurrences !== undefined) return traceRecurrences({ reasoner, question, answer });
  const { model, tokenizer } = reasoner;
  const ids = [...answer.prompt, ...answer.ids];
  const { roles, sees } = sequenceRoles({ reasoner, question, answer });
  const start = answerStart({ reasoner, answer });
  const answerAt = start.found ? start.ids.length - 1 : null;
  const touched = new Set([...changed.places.map(({ index }) => index), ...changed.hidden]);
  const thoughts = answer.thoughts.map(({ stage, index, position, hidden }) => ({
    stage,
    index,
    position: answer.prompt.length + position,
    norm: euclideanNorm(hidden),
    hidden: [...hidden],
    changed: touched.has(answer.prompt.length + position),
  }));
  const places = [...new Set([...thoughts.map(({ position }) => position), ...(answerAt === null ? [] : [answerAt])])];
  const replay = await replayAnswers({
    reasoner,
    questions: [question],
    answers: [answer],
    sequences: [ids],
    places: [changed.places],
    hidden: [changed.hidden],
  });
  const kept: tf.Tensor[] = [];
  try {
    const seen = replay.session.observe({
      ...replay.inputs,
      outputHiddenStates: lens !== false,
      outputAttentions: attention,
    });
    kept.push(seen.hidden, ...(seen.hiddenStates ?? []), ...(seen.attentions ?? []), ...(seen.pictureAttentions ?? []));
    const read = (layers: tf.Tensor3D[], passOver: number[] = []) =>
      readTokens({ model, tokenizer, layers, places, top, passOver });
    const [said] = await read([seen.hidden]);
    const readings = lens ? await read(seen.hiddenStates!, lens === 'words' ? markIds(reasoner) : []) : [];
    return {
      format: 1,
      question: question.question,
      text: answer.text,
      answer: answer.answer ?? null,
      positions: ids.map((id, position) => {
        const thought = thoughts.findIndex((one) => one.position === position);
        return {
          id,
          text: tokenText({ tokenizer, id }),
          role: roles[position] ?? '',
          part: position < answer.prompt.length ? 'prompt' : 'response',
          ...(thought >= 0 && { thought }),
        };
      }),
      thoughts,
      answerAt,
      distribution: answerAt === null ? [] : said![places.indexOf(answerAt)]!,
      visibility:
        sees &&
        ids.map((_, position) =>
          Array.from({ length: position + 1 }, (_, key) => (sees(position, key) ? '1' : '0')).join(''),
        ),
      ...(seen.attentions && { attention: await attentionRows(seen.attentions) }),
      ...(seen.pictureAttentions && {
        pictureAttention: {
          tiles: replay.inputs.forwardExtras.crossAttention?.mask?.shape.slice(2).reduce((all, one) => all * one) ?? 1,
          layers: await attentionRows(seen.pictureAttentions, true),
        },
      }),
      ...(lens && {
        lens: places.map((position, place) => ({
          position,
          layers: readings.map((layer) => layer[place]!),
        })),
      }),
    };
  } finally {
    tf.dispose(kept);
    replay.dispose();
  }
}

/** The tokens of a reasoner that are no words: tags, thinking tokens, the begin, the end, a picture's places. */
function markIds({ tokenizer, settings, method, format }: Reasoner): number[] {
  const { stages, prefix, endToken, image } = settings;
  const texts = [
    ...method.specialTokens({ stages }),
    ...format.tags({ stages }),
    ...prefix,
    endToken,
    image?.token ?? '',
  ];
  return texts.flatMap((text) => {
    const { ids } = tokenizer.encode(text, { addSpecialTokens: false });
    return ids.length === 1 ? ids : [];
  });
}
