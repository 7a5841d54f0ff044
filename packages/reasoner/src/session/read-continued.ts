import { tf } from '@subtext/tensor';

import type { Answer } from '../reasoner/answer';
import type { Question, Reasoner } from '../reasoner/reasoner';
import type { ReplayPlace } from './replay';
import type { SeenThought } from './seen-thoughts';
import type { SessionInput } from './session';
import { type Thought, thoughtsAt } from './thought';

/** An answer that is about to go on from a stage's thoughts. */
export interface Continued {
  question: Question;
  answer: Answer;
  /** The sequence up to the stage's last thought. */
  prefix: number[];
  places: ReplayPlace[];
  /** Positions that nothing sees. */
  hidden: number[];
  /** What comes after, up to the first token that is written anew. */
  rest: SessionInput[];
  /** How many of the response's tokens are kept. */
  kept: number;
  changed: ReadonlyMap<number, SeenThought>;
}

/** What was kept and what was made anew, as one answer. */
export async function readContinued({
  reasoner,
  one: { answer, rest, prefix, kept, changed },
  stateAt,
  ids,
  states,
  finished,
  passes,
}: {
  reasoner: Reasoner;
  one: Continued;
  /** The state before a step of the rest; the one past it is that after the last. */
  stateAt: (step: number) => Float32Array;
  ids: readonly number[];
  states: readonly Float32Array[];
  finished: boolean;
  passes: number;
}): Promise<Answer> {
  const reading = reasoner.settings.thoughtReading;
  const begin = prefix.length - answer.prompt.length;
  const known = answer.thoughts
    .filter(({ position }) => position < begin)
    .map((thought): Thought => {
      const other = changed.get(thought.position);
      return other === undefined ? thought : { ...thought, hidden: other.hidden };
    });
  // Thoughts of the prompt that were thought anew.
  const places = answer.thoughts.filter(({ position }) => position >= begin && position < 0);
  const fed = new Map<number, number | Float32Array>();
  for (const { position } of places) {
    const input = rest[position - begin]!;
    fed.set(position, input === 'state' || input === null ? await mapped(reasoner, stateAt(position - begin)) : input);
  }
  const renewed = thoughtsAt({
    places,
    stateAt: (position) => stateAt(position - begin + 1),
    inputAt: (position) => fed.get(position)!,
    reading,
  });
  const before = [...known, ...renewed].filter(({ position }) => position < 0);
  const response = [...answer.ids.slice(0, kept), ...ids];
  // By token the state that predicted it, as far as it is known: at thoughts.
  const predicted: Float32Array[] = [];
  for (const { position, hidden } of known)
    if (position >= 0) predicted[reading === 'at' ? position + 1 : position] = hidden;
  if (kept > 0) predicted[kept - 1] ??= stateAt(rest.length - 1);
  for (const [index, state] of states.entries()) predicted[kept + index] = state;
  const [inputs] = await reasoner.writtenInputs({
    ids: [response],
    states: [predicted.map((state, position) => (position < kept ? undefined : state))],
  });
  for (const { position, input } of known) if (input instanceof Float32Array) inputs?.set(position, input);
  return reasoner.readAnswer({
    prompt: answer.prompt,
    ids: response,
    states: predicted,
    inputs,
    finished,
    before,
    continuous: before.filter(({ input }) => input instanceof Float32Array).length,
    passes,
  });
}

async function mapped({ feedback }: Reasoner, state: Float32Array): Promise<Float32Array> {
  if (feedback === undefined) return state;
  const fed = tf.tidy(() => feedback.apply(tf.tensor2d(state, [1, state.length])));
  // Not dataSync, for which webgpu cannot wait.
  const values = (await fed.data()) as Float32Array;
  fed.dispose();
  return values.slice();
}
