import { tf } from '@subtext/tensor';

import { ReasonerError } from '../errors';
import type { Answer } from '../reasoner/answer';
import type { Question, Reasoner } from '../reasoner/reasoner';
import { replayAnswers, type ReplayPlace } from './replay';
import { type SeenThought, type ThoughtPlace, thoughtPlaces } from './seen-thoughts';
import { type Continued, readContinued } from './read-continued';
import { inputVectors, type SessionInput } from './session';

/** Answers whose thoughts are changed. */
export interface ChangedAnswers {
  reasoner: Reasoner;
  questions: readonly Question[];
  /** What the reasoner answered to them. */
  answers: readonly Answer[];
  /** Questions side by side. @default 64 */
  batchSize?: number;
  /** @default as many as the reasoner's own answers may have */
  maxNewTokens?: number;
  signal?: AbortSignal;
}

/** Options of {@link thinkAgain}. */
export interface ThinkAgainOptions extends ChangedAnswers {
  /** The stage whose thoughts are exchanged. */
  stage: string;
  /** By question: what takes the place of the stage's thoughts, null where one is cut; null: the answer stays as it was. */
  thoughts: readonly (readonly (SeenThought | null)[] | null)[];
  /** By question: what was changed in the answer before, and stays so. @default nothing */
  before?: readonly ChangedPlaces[];
}

/** What is changed in an answer's sequence. */
export interface ChangedPlaces {
  /** Positions whose keys and values are others. */
  places: readonly ReplayPlace[];
  /** Positions that nothing sees. */
  hidden: readonly number[];
}

/**
 * Thinks on from a stage whose thoughts are others: the answer is fed again up to the stage's last thought, with other keys
 * and values at the stage's places, and all that comes after is made anew from there: continuous thoughts (the first is
 * fed what came after the others' stage), thinking tokens, words, the answer. What stands before stays as it was. A thought
 * that is cut keeps its place, and nothing sees it.
 *
 * @returns answers, one a question. The stage's thoughts carry the others' `hidden`.
 * @throws ReasonerError `unknown-stage`; `stage-not-hidden` where an answer has no thought of it; `stages-differ` where
 *   thoughts are of another stage, or as many as the answer's own; `width-mismatch` where they are of another model
 */
export async function thinkAgain({
  reasoner,
  questions,
  answers,
  stage,
  thoughts,
  before = [],
  batchSize = 64,
  maxNewTokens,
  signal,
}: ThinkAgainOptions): Promise<Answer[]> {
  checkStage({ reasoner, stage });
  const again = [...answers];
  const rows = thoughts.flatMap((others, row) =>
    others === null ? [] : { row, others, before: before[row], question: questions[row]!, answer: answers[row]! },
  );
  for (const { answer, others } of rows) checkThoughts({ answer, others, stage });
  const newTokens = maxNewTokens ?? Math.ceil(reasoner.settings.longestResponse * 1.2) + 1;
  for (let start = 0; start < rows.length; start += batchSize) {
    signal?.throwIfAborted();
    const batch = rows.slice(start, start + batchSize).flatMap(({ row, ...given }) => {
      const continued = continuedFrom({ reasoner, stage, ...given });
      // A response that ends with the stage has nothing after it.
      return continued.rest.length === 0 ? [] : [{ row, continued }];
    });
    if (batch.length === 0) continue;
    const made = await goOn({ reasoner, batch: batch.map(({ continued }) => continued), newTokens, signal });
    for (const [place, { row }] of batch.entries()) again[row] = made[place]!;
  }
  return again;
}

/** @throws ReasonerError `unknown-stage` */
export function checkStage({ reasoner, stage }: { reasoner: Reasoner; stage: string }): void {
  const { stages } = reasoner.settings;
  const known = reasoner.method.lastStages?.({ stages }) ?? stages;
  if (known.includes(stage) || stages.includes(stage)) return;
  throw new ReasonerError({
    code: 'unknown-stage',
    message: `The reasoner has no stage "${stage}". Take one of: ${(known.length > 0 ? known : stages).join(', ')}.`,
  });
}

/** The error of a stage that answers hold in words, or not at all. */
export function stageNotHidden({ answers, stage }: { answers: readonly Answer[]; stage: string }): ReasonerError {
  const hidden = [...new Set(answers.flatMap(({ thoughts }) => thoughts.map((thought) => thought.stage)))];
  return new ReasonerError({
    code: 'stage-not-hidden',
    message: `${answers.length === 1 ? 'The answer has' : 'The answers have'} no thought of the stage "${stage}", which the model does not hide${hidden.length === 0 ? '; it hides none' : `. Take one of: ${hidden.join(', ')}`}.`,
  });
}

function checkThoughts({
  answer,
  others,
  stage,
}: {
  answer: Answer;
  others: readonly (SeenThought | null)[];
  stage: string;
}): void {
  const own = answer.thoughts.filter((thought) => thought.stage === stage);
  if (own.length === 0) throw stageNotHidden({ answers: [answer], stage });
  const odd = others.find((thought) => thought !== null && thought.stage !== stage);
  if (odd)
    throw new ReasonerError({
      code: 'stages-differ',
      message: `Thoughts of the stage "${odd.stage}" cannot take the place of those of "${stage}". Take both from the same stage.`,
    });
  if (others.length !== own.length)
    throw new ReasonerError({
      code: 'stages-differ',
      message: `The stage "${stage}" has ${own.length} ${own.length === 1 ? 'thought' : 'thoughts'} in one example and ${others.length} in the other. Take examples that have as many.`,
    });
}

function continuedFrom({
  reasoner,
  question,
  answer,
  stage,
  others,
  before = { places: [], hidden: [] },
}: {
  reasoner: Reasoner;
  question: Question;
  answer: Answer;
  stage: string;
  others: readonly (SeenThought | null)[];
  before?: ChangedPlaces;
}): Continued {
  const { prompt, ids, thoughts } = answer;
  const slots = thoughtPlaces({ answer, reading: reasoner.settings.thoughtReading });
  const own = thoughts.flatMap((thought, place) => (thought.stage === stage ? [{ thought, place }] : []));
  const last = Math.max(...own.map(({ thought }) => thought.position));
  const inputs = new Map(thoughts.map(({ position, input }) => [position, input]));
  const after = inputs.get(last + 1);
  const end = others.at(-1);
  // What a thought that is cut leads to is what it led to.
  const next = end ? end.next : after instanceof Float32Array ? after : undefined;
  // Prompts go on with what they have; of the response only the token after the thought is kept, which is a mark or a thought.
  const whole = [...prompt, ...ids];
  const from = prompt.length + last + 1;
  const to = Math.min(whole.length, Math.max(prompt.length, from + 1));
  const rest = whole.slice(from, to).map((id, step): SessionInput => {
    if (typeof (inputs.get(last + 1 + step) ?? id) === 'number') return id;
    return step === 0 ? (next ?? 'state') : 'state';
  });
  if (after instanceof Float32Array !== (next !== undefined))
    throw new ReasonerError({
      code: 'stages-differ',
      message: `After the stage "${stage}" another thought follows in one of the two examples only. Take examples that have as many thoughts.`,
    });
  const changed = changedPlaces({ slots: own.map(({ place }) => slots[place]!), thoughts: others });
  return {
    question,
    answer,
    prefix: whole.slice(0, from),
    places: [...before.places, ...changed.places],
    hidden: [...before.hidden, ...changed.hidden],
    rest,
    kept: Math.max(0, to - prompt.length),
    changed: new Map(
      own.flatMap(({ thought }, index) => {
        const other = others[index];
        return other ? [[thought.position, other]] : [];
      }),
    ),
  };
}

/** What thoughts' places become: those of others, or, where there is none, nothing that anything sees. */
export function changedPlaces({
  slots,
  thoughts,
}: {
  /** By thought, its places. */
  slots: readonly (readonly ThoughtPlace[])[];
  thoughts: readonly (SeenThought | null)[];
}): { places: ReplayPlace[]; hidden: number[] } {
  return {
    places: slots.flatMap((own, index) => {
      const thought = thoughts[index];
      return thought ? replacedPlaces({ slots: own, state: thought.state }) : [];
    }),
    hidden: slots.flatMap((places, index) =>
      thoughts[index] === null ? places.flatMap(({ index: at, own }) => (own ? [at] : [])) : [],
    ),
  };
}

/** A thought's state, cut into what belongs to its places. */
export function replacedPlaces({
  slots,
  state,
}: {
  slots: readonly { index: number; own: boolean }[];
  state: Float32Array;
}): { index: number; state: Float32Array }[] {
  const width = state.length / slots.length;
  return slots.flatMap(({ index, own }, slot) =>
    own ? [{ index, state: state.subarray(slot * width, (slot + 1) * width) }] : [],
  );
}

async function goOn({
  reasoner,
  batch,
  newTokens,
  signal,
}: {
  reasoner: Reasoner;
  batch: readonly Continued[];
  newTokens: number;
  signal?: AbortSignal;
}): Promise<Answer[]> {
  const { model, settings, tokenizer, feedback } = reasoner;
  const steps = Math.max(...batch.map(({ rest }) => rest.length)) - 1;
  const replay = await replayAnswers({
    reasoner,
    questions: batch.map(({ question }) => question),
    // Thoughts after the prefix are not fed again.
    answers: batch.map(({ answer, prefix }) => ({
      prompt: answer.prompt,
      thoughts: answer.thoughts.filter(({ position }) => answer.prompt.length + position < prefix.length),
    })),
    sequences: batch.map(({ prefix }) => prefix),
    places: batch.map(({ places }) => places),
    hidden: batch.map(({ hidden }) => hidden),
    room: steps + 1 + newTokens,
  });
  const kept: tf.Tensor[] = [];
  try {
    const { session, inputs } = replay;
    const from = session.feed({ ...inputs, outputPositions: 1 });
    kept.push(from);
    const { states } = await session.run({
      from,
      nextInput: ({ step }) => batch.map(({ rest }) => (step < rest.length - 1 ? rest[step]! : null)),
      signal,
    });
    kept.push(...states);
    const table = (await Promise.all(states.map((state) => state.data()))) as Float32Array[];
    const last = tf.tidy(() => {
      const before = tf.stack(batch.map(({ rest }, row) => tf.gather(states[rest.length - 1]!, row))) as tf.Tensor3D;
      const fed = feedback === undefined ? before : feedback.apply(before);
      return inputVectors({ model, inputs: batch.map(({ rest }) => rest.at(-1)!), states: fed });
    });
    kept.push(last);
    const ids = batch.map(({ rest }) => rest.at(-1)!);
    const written = await session.write({
      inputs: {
        embeddings: last,
        ...(ids.every((id) => typeof id === 'number') && { ids: ids.map((id) => [id as number]) }),
      },
      maxNewTokens: newTokens,
      stopIds: [tokenizer.idOf(settings.endToken)],
      embedNext: reasoner.embedNext,
      outputStates: true,
      signal,
    });
    const { width } = model.dimensions;
    return await Promise.all(
      batch.map((one, row) => {
        const stateAt = (step: number) =>
          step < one.rest.length ? table[step]!.slice(row * width, (row + 1) * width) : written.states![row]![0]!;
        return readContinued({
          reasoner,
          one,
          stateAt,
          ids: written.ids[row]!,
          states: written.states![row]!,
          finished: written.reasons[row] === 'stop-id',
          passes: written.passes[row]! + one.rest.length,
        });
      }),
    );
  } finally {
    tf.dispose(kept);
    replay.dispose();
  }
}
