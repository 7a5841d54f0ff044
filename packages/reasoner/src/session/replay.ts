import type { RowSight } from '@subtext/model';
import { tf } from '@subtext/tensor';

import type { Answer } from '../reasoner/answer';
import type { EmbeddedSequences } from '../reasoner/embed-sequences';
import type { Question, Reasoner } from '../reasoner/reasoner';
import { Session } from './session';

/** A position of a sequence, counted without padding. */
export interface ReplayPlace {
  index: number;
  /** What takes its state's place, as `captured` gives it; either every place has one or none. @default its state is read */
  state?: Float32Array;
}

export interface ReplayOptions {
  reasoner: Reasoner;
  questions: readonly Question[];
  /** By question: what it was answered; the vectors that were fed at its thoughts are fed again. */
  answers: readonly Pick<Answer, 'prompt' | 'thoughts'>[];
  /** By question: the answer's prompt, and what follows of its response. */
  sequences: readonly (readonly number[])[];
  /** By question: the positions that are read or replaced. @default none */
  places?: readonly (readonly ReplayPlace[])[];
  /** By question: positions that nothing sees; they keep their places. @default none */
  hidden?: readonly (readonly number[])[];
  /** By question: positions that see nothing but themselves, so that only what is fed there counts. @default none */
  alone?: readonly (readonly number[])[];
  /** Tokens that will be written after. @default 0 */
  room?: number;
}

/** Answers that are about to be fed again. */
export interface Replay {
  session: Session;
  /** To be fed first, padded on the left. */
  inputs: EmbeddedSequences;
  /** Frees both. */
  dispose(): void;
}

/**
 * Opens a session on answers that were given before, in which what later positions can learn from some positions is read,
 * replaced or hidden: in every layer, the keys and values there. Feed `inputs` for the states, or `write` on from them.
 */
export async function replayAnswers({
  reasoner,
  questions,
  answers,
  sequences,
  places = [],
  hidden = [],
  alone,
  room = 0,
}: ReplayOptions): Promise<Replay> {
  const inputs = await reasoner.embedSequences({ questions, answers, sequences });
  const { time, forwardExtras } = inputs;
  const column = (row: number, index: number) => time - sequences[row]!.length + index;
  const flat = places.flatMap((list, row) =>
    list.map(({ index, state }) => ({ row, column: column(row, index), position: index, state })),
  );
  const sights = reasoner.sights({ questions, answers });
  const replacements = flat.flatMap(({ state }) => state ?? []);
  const session = new Session({
    model: reasoner.model,
    batch: sequences.length,
    capacity: time + room,
    forwardExtras,
    thoughts: {
      places: flat,
      largestPosition: Math.max(...sequences.map(({ length }) => length)) - 1,
      replacements: replacements.length > 0 ? replacements : null,
    },
    hidden: hidden.map((indices, row) => indices.map((index) => column(row, index))),
    sights: alone === undefined ? sights : alone.map((positions, row) => lonely({ sight: sights?.[row], positions })),
  });
  const dispose = () => {
    session.dispose();
    tf.dispose([inputs.embeddings, forwardExtras as tf.TensorContainer]);
  };
  return { session, inputs, dispose };
}

/** A sight in which some positions see nothing but themselves; without one, the others see all that stands before them. */
function lonely({ sight, positions }: { sight: RowSight | undefined; positions: readonly number[] }): RowSight {
  return {
    push: (id) => sight?.push(id),
    forgetLast: (count) => sight?.forgetLast(count),
    sees: (position, key) => (positions.includes(position) ? key === position : (sight?.sees(position, key) ?? true)),
    seesPictures: (position) => !positions.includes(position) && (sight?.seesPictures(position) ?? true),
    copy: () => lonely({ sight: sight?.copy(), positions }),
  };
}
