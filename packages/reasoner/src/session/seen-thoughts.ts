import type { Answer } from '../reasoner/answer';
import type { Question, Reasoner } from '../reasoner/reasoner';
import { replayAnswers } from './replay';

/** What later positions can learn from a thought: it can take another thought's place. */
export interface SeenThought {
  stage: string;
  /** Which thought of the stage, from 0. */
  index: number;
  /** In every layer, keys (without their rotation) and values of the thought's places, one place after the other. */
  state: Float32Array;
  /** Where a continuous thought follows at once: what that is fed, `[width]`. */
  next?: Float32Array;
  /** The state that is read as the thought, `[width]`. */
  hidden: Float32Array;
}

/** A position of a thought's state, counted from the begin of the prompt; `own`: whether it is the thought's to replace. */
export interface ThoughtPlace {
  index: number;
  own: boolean;
}

/**
 * The places of an answer's thoughts, in order of position: the thought's own position, and before it, where the state
 * that predicts a thinking token is what is read, the position of that state. The latter is the thought's only where it is
 * of the response (an opening tag) and no thought itself: never a position of the prompt.
 */
export function thoughtPlaces({
  answer: { prompt, thoughts },
  reading,
}: {
  answer: Pick<Answer, 'prompt' | 'thoughts'>;
  /** The reasoner's `thoughtReading`. */
  reading: 'before' | 'at';
}): ThoughtPlace[][] {
  const positions = new Set(thoughts.map(({ position }) => position));
  return thoughts.map(({ position }) => {
    const own = { index: prompt.length + position, own: true };
    if (reading === 'at') return [own];
    return [{ index: own.index - 1, own: position > 0 && !positions.has(position - 1) }, own];
  });
}

/**
 * Reads what later positions can learn from the thoughts of answers, as they were thought.
 *
 * @returns by answer, its thoughts in order
 */
export async function readThoughts({
  reasoner,
  questions,
  answers,
  batchSize = 32,
  signal,
}: {
  reasoner: Reasoner;
  questions: readonly Question[];
  /** What the reasoner answered to them. */
  answers: readonly Pick<Answer, 'prompt' | 'thoughts' | 'ids'>[];
  /** @default 32 */
  batchSize?: number;
  signal?: AbortSignal;
}): Promise<SeenThought[][]> {
  const read: SeenThought[][] = [];
  for (let start = 0; start < answers.length; start += batchSize) {
    signal?.throwIfAborted();
    const batch = answers.slice(start, start + batchSize);
    const places = batch.map((answer) => thoughtPlaces({ answer, reading: reasoner.settings.thoughtReading }));
    const replay = await replayAnswers({
      reasoner,
      questions: questions.slice(start, start + batchSize),
      answers: batch,
      sequences: batch.map(({ prompt, ids }) => [...prompt, ...ids]),
      places: places.map((thoughts) => thoughts.flat().map(({ index }) => ({ index }))),
    });
    try {
      replay.session.feed(replay.inputs).dispose();
      const states = await replay.session.captured();
      let taken = 0;
      for (const [row, { thoughts }] of batch.entries())
        read.push(
          thoughts.map(({ stage, index, position, hidden }, place) => {
            const parts = places[row]![place]!.map(() => states[taken++]!);
            const after = thoughts.find((other) => other.position === position + 1)?.input;
            return {
              stage,
              index,
              state: joined(parts),
              ...(after instanceof Float32Array && { next: after }),
              hidden,
            };
          }),
        );
    } finally {
      replay.dispose();
    }
  }
  return read;
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
