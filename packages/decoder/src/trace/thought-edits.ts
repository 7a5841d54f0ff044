import { RandomStream } from '@subtext/data';
import { alongDirection, type SeenThought, type StageChange, type ThoughtDirection } from '@subtext/reasoner';

import { DecoderError } from '../errors';
import { euclideanNorm } from '../probes/thought-states';

/** What one edit is done to: a stage, all its thoughts or one of them. */
interface Edited {
  stage: string;
  /** Which thought of the stage, from 0. @default all */
  index?: number;
}

/** What is done to thoughts, as plain values. */
export type ThoughtEdit =
  /** Zeros; nothing (no later position sees it); the mean of a set of examples. */
  | (Edited & { kind: 'zeros' | 'cut' | 'mean' })
  /** A random direction of the same norm, mixed in: `(1 − amount) · own + amount · noise`. */
  | (Edited & { kind: 'noise'; amount: number; /** @default 0 */ seed?: number })
  /** Another example's: `(1 − amount) · own + amount · another's`. */
  | (Edited & { kind: 'another'; /** @default 1 */ amount?: number })
  /** A direction is added to the stage: `own + strength · direction`. */
  | { kind: 'steer'; stage: string; strength: number }
  /** The stage's own thoughts in another order, with repetitions: place i gets thought `order[i]`. */
  | { kind: 'order'; stage: string; order: readonly number[] };

/** Options of {@link editThoughts}. */
export interface EditThoughtsOptions {
  /** The answer's thoughts, as `readThoughts` gives them. */
  own: readonly SeenThought[];
  /** Done one after the other. */
  edits: readonly ThoughtEdit[];
  /** Another example's thoughts. @default none: `another` is refused */
  another?: readonly SeenThought[];
  /** Thoughts of a set of examples. @default none: `mean` is refused */
  examples?: readonly (readonly SeenThought[])[];
  /** @default none: `steer` is refused */
  direction?: ThoughtDirection;
  /** Width of one layer's keys: within a thought's state each such part keeps its own norm under noise. @default the whole state */
  segment?: number;
}

/**
 * Edits the thoughts of an answer, for `changeThoughts`.
 *
 * @returns the stages that are edited, each with all its thoughts
 * @throws DecoderError `invalid-option` for a stage or thought that the answer does not have, and where what an edit takes
 *   from is not given; `length-mismatch` where another example has other numbers of thoughts
 */
export function editThoughts(options: EditThoughtsOptions): StageChange[] {
  const stages = new Map<string, (SeenThought | null)[]>();
  for (const edit of options.edits) {
    const own = options.own.filter(({ stage }) => stage === edit.stage);
    if (own.length === 0) throw unknown(`The answer has no thought of the stage "${edit.stage}".`);
    const before = stages.get(edit.stage) ?? own;
    stages.set(edit.stage, edited({ ...options, own, before, edit }));
  }
  return [...stages].map(([stage, thoughts]) => ({ stage, thoughts }));
}

function edited({
  edit,
  before,
  own,
  direction,
  ...given
}: EditThoughtsOptions & { edit: ThoughtEdit; before: readonly (SeenThought | null)[] }): (SeenThought | null)[] {
  if (edit.kind === 'order') {
    if (edit.order.length !== own.length || edit.order.some((place) => before[place] === undefined))
      throw unknown(
        `An order of the stage "${edit.stage}" names ${own.length} of its thoughts, 0 to ${own.length - 1}; got ${edit.order.join(', ')}.`,
      );
    return edit.order.map((place, index) => {
      const source = before[place] ?? null;
      // What follows the stage is fed what followed it.
      return source && { ...source, index, next: own[index]!.next };
    });
  }
  if (edit.kind === 'steer') {
    if (direction === undefined) throw unknown('Steering needs a direction.');
    if (before.includes(null)) throw unknown('A thought that is cut cannot be steered; leave one of both out.');
    return alongDirection({ thoughts: before as SeenThought[], direction, strength: edit.strength });
  }
  if (edit.index !== undefined && own[edit.index] === undefined)
    throw unknown(`The stage "${edit.stage}" has ${own.length} thoughts; there is no thought ${edit.index + 1}.`);
  return before.map((thought, index) =>
    thought === null || (edit.index !== undefined && edit.index !== index)
      ? thought
      : editedThought({ ...given, edit, thought, place: index, count: own.length }),
  );
}

function editedThought({
  edit,
  thought,
  place,
  count,
  another,
  examples,
  segment,
}: Pick<EditThoughtsOptions, 'another' | 'examples' | 'segment'> & {
  edit: Exclude<ThoughtEdit, { kind: 'order' | 'steer' }>;
  thought: SeenThought;
  place: number;
  count: number;
}): SeenThought | null {
  const changed = (
    change: (own: Float32Array, of: (from: SeenThought) => Float32Array | undefined) => Float32Array,
  ) => ({
    ...thought,
    state: change(thought.state, ({ state }) => state),
    hidden: change(thought.hidden, ({ hidden }) => hidden),
    ...(thought.next && { next: change(thought.next, ({ next }) => next) }),
  });
  if (edit.kind === 'cut') return null;
  if (edit.kind === 'zeros') return changed((own) => new Float32Array(own.length));
  if (edit.kind === 'noise') {
    const random = new RandomStream({ seed: edit.seed ?? 0, name: `thought noise ${thought.stage} ${place}` });
    return changed((own) => mixed(own, noiseLike({ state: own, random, segment }), edit.amount));
  }
  if (edit.kind === 'another') {
    const others = another?.filter(({ stage }) => stage === edit.stage);
    if (others === undefined) throw unknown('There is no other example to take thoughts from.');
    const other = others[place];
    if (others.length !== count || other === undefined)
      throw new DecoderError({
        code: 'length-mismatch',
        message: `The stage "${edit.stage}" has ${count} thoughts here and ${others.length} in the other example. Take one that has as many.`,
      });
    return changed((own, of) => mixed(own, of(other) ?? own, edit.amount ?? 1));
  }
  const present = (examples ?? []).flatMap((thoughts) => {
    const one = thoughts.filter(({ stage }) => stage === edit.stage)[place];
    return one ? [one] : [];
  });
  if (present.length === 0) throw unknown('There are no examples to take the mean of.');
  return changed((own, of) =>
    meanState(
      present.flatMap((one) => of(one) ?? []),
      own.length,
    ),
  );
}

/** A random direction with the norm of a state; part by part where a state is several vectors side by side. */
function noiseLike({
  state,
  random,
  segment = state.length,
}: {
  state: Float32Array;
  random: RandomStream;
  segment?: number;
}): Float32Array {
  const noise = Float32Array.from(state, () => random.normal());
  const width = state.length % segment === 0 ? segment : state.length;
  for (let start = 0; start < state.length; start += width) {
    const part = noise.subarray(start, start + width);
    const scale = euclideanNorm(state.subarray(start, start + width)) / Math.max(euclideanNorm(part), 1e-30);
    for (let unit = 0; unit < part.length; unit++) part[unit] = part[unit]! * scale;
  }
  return noise;
}

function mixed(own: Float32Array, other: Float32Array, amount: number): Float32Array {
  if (!Number.isFinite(amount)) throw unknown(`An amount is a number, not ${amount}.`);
  return amount === 1 ? other.slice() : own.map((value, unit) => (1 - amount) * value + amount * (other[unit] ?? 0));
}

function meanState(states: readonly Float32Array[], width: number): Float32Array {
  const mean = new Float32Array(width);
  for (const state of states)
    for (let unit = 0; unit < width; unit++) mean[unit]! += (state[unit] ?? 0) / states.length;
  return mean;
}

function unknown(message: string): DecoderError {
  return new DecoderError({ code: 'invalid-option', message });
}
