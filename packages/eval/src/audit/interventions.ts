import { RandomStream } from '@subtext/data';
import { euclideanNorm, type ThoughtStates } from '@subtext/decoder';

import { EvaluationError } from '../errors';

/** What is done to the thoughts. */
export type InterventionKind =
  /** Zeros. */
  | 'zeros'
  /** The mean state of that place over all examples. */
  | 'mean'
  /** A random direction with the thought's own norm. */
  | 'noise'
  /** Another example's thoughts. */
  | 'another'
  /** What the thoughts' tokens give by themselves, without all that stands before them. */
  | 'markers'
  /** The example's own thoughts in another order. */
  | 'permuted'
  /** Only the first k thoughts. */
  | 'cut'
  /** Exchanged between two examples whose answers differ. */
  | 'swapped';

/** Thoughts that take the place of the examples' own. */
export interface ThoughtIntervention {
  kind: InterventionKind;
  /** How tables name it, such as `cut after 2`. */
  name: string;
  /** By example; fewer than the example's own where thoughts are cut. */
  thoughts: ThoughtStates[];
  /** By example: whether anything differs from its own thoughts. Examples that stay as they were say nothing. */
  changed: boolean[];
  /** By example: whose thoughts it got; only for `another` and `swapped`. −1 where none. */
  partners?: Int32Array;
  /** Thoughts kept; only for `cut`. */
  kept?: number;
}

/** Every thought becomes zeros. */
export function replaceByZeros({ thoughts }: { thoughts: readonly ThoughtStates[] }): ThoughtIntervention {
  const replaced = thoughts.map((states) => states.map((state) => new Float32Array(state.length)));
  return { kind: 'zeros', name: 'zeros', thoughts: replaced, changed: changes(thoughts, replaced) };
}

/** Every thought becomes the mean of the thoughts at its place over all examples: in range, without content. */
export function replaceByMean({ thoughts }: { thoughts: readonly ThoughtStates[] }): ThoughtIntervention {
  const means = meanThoughts({ thoughts });
  const replaced = thoughts.map((states) => states.map((_, place) => Float32Array.from(means[place] as Float32Array)));
  return { kind: 'mean', name: 'mean', thoughts: replaced, changed: changes(thoughts, replaced) };
}

/** Every thought becomes a random direction of the same Euclidean norm. */
export function replaceByNoise({
  thoughts,
  seed = 0,
  segment,
}: {
  thoughts: readonly ThoughtStates[];
  /** @default 0 */
  seed?: number;
  /** Where a state is several vectors side by side, such as keys and values: the width of one; each keeps its own norm. @default the whole state */
  segment?: number;
}): ThoughtIntervention {
  const random = new RandomStream({ seed, name: 'thought noise' });
  const noiseFor = (vector: Float32Array) => {
    const noise = Float64Array.from(vector, () => gaussian(random));
    const scale = euclideanNorm(vector) / Math.max(euclideanNorm(noise), 1e-30);
    return noise.map((value) => value * scale);
  };
  const replaced = thoughts.map((states) =>
    states.map((state) => {
      const width = segment ?? Math.max(1, state.length);
      const noise = new Float32Array(state.length);
      for (let start = 0; start < state.length; start += width)
        noise.set(noiseFor(state.subarray(start, start + width)), start);
      return noise;
    }),
  );
  return { kind: 'noise', name: 'noise of the same norm', thoughts: replaced, changed: changes(thoughts, replaced) };
}

/**
 * Every example gets the thoughts of another one that has as many. Each example gives once in its group (a random
 * cycle), so that the set of thoughts stays the same. An example whose number of thoughts no other shares has no such
 * control: it keeps its own, has the partner −1, and does not count.
 */
export function replaceByAnother({
  thoughts,
  seed = 0,
}: {
  thoughts: readonly ThoughtStates[];
  /** @default 0 */
  seed?: number;
}): ThoughtIntervention {
  if (thoughts.length < 2)
    throw new EvaluationError({
      code: 'empty-set',
      message: 'Another example’s thoughts need at least two examples; raise the limit.',
    });
  const random = new RandomStream({ seed, name: 'thought partners' });
  const groups = new Map<number, number[]>();
  for (const [index, states] of thoughts.entries())
    groups.set(states.length, [...(groups.get(states.length) ?? []), index]);
  const partners = new Int32Array(thoughts.length).fill(-1);
  for (const group of groups.values()) if (group.length > 1) placeCycle(random.shuffle(group), partners);
  return given({ thoughts, partners, kind: 'another', name: 'another example’s' });
}

/** Every example gets the thoughts of the next one that has as many: as {@link replaceByAnother}, without chance; one example may give twice. */
export function replaceByNext({ thoughts }: { thoughts: readonly ThoughtStates[] }): ThoughtIntervention {
  const partners = Int32Array.from(thoughts, ({ length }, index) => {
    for (let step = 1; step < thoughts.length; step++) {
      const other = (index + step) % thoughts.length;
      if (thoughts[other]?.length === length) return other;
    }
    return -1;
  });
  return given({ thoughts, partners, kind: 'another', name: 'the next example’s' });
}

/** Every thought becomes what its token gives by itself: the markers are there, and hold nothing that was thought. */
export function replaceByMarkers({
  thoughts,
  markers,
}: {
  thoughts: readonly ThoughtStates[];
  /** By example, as many as its thoughts. */
  markers: readonly ThoughtStates[];
}): ThoughtIntervention {
  if (markers.some((states, index) => states.length !== thoughts[index]?.length))
    throw new EvaluationError({
      code: 'length-mismatch',
      message: 'There are other numbers of markers than of thoughts; give one a thought.',
    });
  const replaced = markers.map(copy);
  return { kind: 'markers', name: 'markers only', thoughts: replaced, changed: changes(thoughts, replaced) };
}

/** Every example's own thoughts in another order: no thought stays at its place where three or more differ. */
export function permuteThoughts({
  thoughts,
  seed = 0,
}: {
  thoughts: readonly ThoughtStates[];
  /** @default 0 */
  seed?: number;
}): ThoughtIntervention {
  const random = new RandomStream({ seed, name: 'thought order' });
  const replaced = thoughts.map((states) => {
    const sources = new Int32Array(states.length).fill(0);
    if (states.length > 1) placeCycle(random.shuffle(states.map((_, place) => place)), sources);
    return copy(states.map((_, place) => states[sources[place] as number] as Float32Array));
  });
  return { kind: 'permuted', name: 'own, in another order', thoughts: replaced, changed: changes(thoughts, replaced) };
}

/** Only the first `kept` thoughts of every example. */
export function cutThoughts({
  thoughts,
  kept,
}: {
  thoughts: readonly ThoughtStates[];
  kept: number;
}): ThoughtIntervention {
  if (!Number.isInteger(kept) || kept < 0)
    throw new EvaluationError({
      code: 'invalid-option',
      message: `Thoughts cannot be cut after ${kept}; give a whole number from 0.`,
    });
  const replaced = thoughts.map((states) => copy(states.slice(0, kept)));
  return {
    kind: 'cut',
    name: kept === 0 ? 'none' : kept === 1 ? 'the first' : `the first ${kept}`,
    thoughts: replaced,
    changed: changes(thoughts, replaced),
    kept,
  };
}

/**
 * Gives an example the thoughts of one whose answer differs and could be its own too, so that one can see whether the
 * answer follows the thought: exchanged in pairs as far as possible. An example without a partner keeps its own and does
 * not count.
 */
export function swapThoughts({
  thoughts,
  answers,
  compatible = () => true,
  candidate = () => true,
  seed = 0,
}: {
  thoughts: readonly ThoughtStates[];
  /** By example: what the model answers with its own thoughts. */
  answers: readonly (string | null)[];
  /** Whether two examples may exchange, such as those of one kind of question. @default any two */
  compatible?: (left: number, right: number) => boolean;
  /** Whether an example could give an answer at all, such as one of its own options. @default any */
  candidate?: (index: number, answer: string) => boolean;
  /** @default 0 */
  seed?: number;
}): ThoughtIntervention {
  if (answers.length !== thoughts.length)
    throw new EvaluationError({
      code: 'length-mismatch',
      message: `${thoughts.length} examples but ${answers.length} answers; give one each.`,
    });
  const partners = new Int32Array(thoughts.length).fill(-1);
  // What one could take from another: thoughts of the same number, with an answer that differs and that it could give.
  const takes = (index: number, donor: number) =>
    answers[index] !== null &&
    answers[donor] !== null &&
    answers[donor] !== answers[index] &&
    thoughts[donor]?.length === thoughts[index]?.length &&
    thoughts[index]?.length !== 0 &&
    compatible(donor, index) &&
    candidate(index, answers[donor] as string);
  const order = new RandomStream({ seed, name: 'thought swaps' }).shuffle(thoughts.map((_, place) => place));
  let waiting: number[] = [];
  for (const index of order) {
    const place = waiting.findIndex((other) => takes(index, other) && takes(other, index));
    if (place < 0) {
      waiting.push(index);
      continue;
    }
    const [other] = waiting.splice(place, 1) as [number];
    partners[index] = other;
    partners[other] = index;
  }
  // Who found nobody to exchange with may still take from somebody.
  waiting = waiting.filter((index) => answers[index] !== null);
  for (const index of waiting) partners[index] = order.find((donor) => donor !== index && takes(index, donor)) ?? -1;
  return given({ thoughts, partners, kind: 'swapped', name: 'swapped between answers that differ' });
}

/** The mean state of each place over the examples that have a thought there. */
export function meanThoughts({ thoughts }: { thoughts: readonly ThoughtStates[] }): Float32Array[] {
  const places = thoughts.reduce((most, states) => Math.max(most, states.length), 0);
  return Array.from({ length: places }, (_, place) => {
    const present = thoughts.flatMap((states) => states[place] ?? []);
    const width = (present[0] as Float32Array).length;
    const sums = new Float64Array(width);
    for (const state of present) {
      if (state.length !== width)
        throw new EvaluationError({
          code: 'length-mismatch',
          message: `Thoughts of width ${width} and ${state.length} have no mean; give states of one model.`,
        });
      for (let unit = 0; unit < width; unit++) sums[unit] = (sums[unit] as number) + (state[unit] as number);
    }
    return Float32Array.from(sums, (sum) => sum / present.length);
  });
}

/** Thoughts that examples get from their partners; one without a partner keeps its own. */
function given({
  thoughts,
  partners,
  ...named
}: { thoughts: readonly ThoughtStates[]; partners: Int32Array } & Pick<
  ThoughtIntervention,
  'kind' | 'name'
>): ThoughtIntervention {
  const replaced = thoughts.map((states, index) =>
    copy((partners[index] as number) < 0 ? states : (thoughts[partners[index] as number] as ThoughtStates)),
  );
  return { ...named, thoughts: replaced, changed: changes(thoughts, replaced), partners };
}

function changes(before: readonly ThoughtStates[], after: readonly ThoughtStates[]): boolean[] {
  return before.map((states, index) => {
    const others = after[index] as ThoughtStates;
    return (
      states.length !== others.length ||
      states.some((state, place) => state.some((value, unit) => value !== (others[place] as Float32Array)[unit]))
    );
  });
}

/** Each member takes from the next in the circle. */
function placeCycle(members: readonly number[], sources: Int32Array): void {
  for (const [place, member] of members.entries()) sources[member] = members[(place + 1) % members.length] as number;
}

function copy(states: ThoughtStates): Float32Array[] {
  return states.map((state) => Float32Array.from(state));
}

/** A draw from the standard normal distribution (Box and Muller). */
function gaussian(random: RandomStream): number {
  return Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform());
}
