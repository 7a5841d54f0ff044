import type { SeenThought, ThoughtDirection } from '@subtext/reasoner';

import { DecoderError } from '../errors';
import { fitRegression, standardize } from '../probes/logistic-regression';
import { euclideanNorm } from '../probes/thought-states';

/** How a direction between two groups of thoughts is computed. */
export const directionKinds = ['means', 'probe'] as const;
export type DirectionKind = (typeof directionKinds)[number];

/** Options of {@link stageDirection}. */
export interface StageDirectionOptions {
  /** The stage's thoughts in each example that the direction points to. */
  positive: readonly (readonly SeenThought[])[];
  /**
   * The same for examples that it points away from. @default none: the direction is the mean of the positive thoughts
   */
  negative?: readonly (readonly SeenThought[])[];
  /**
   * `means`: the difference of the groups' means. `probe`: the direction of a logistic regression between them, scaled
   * to the distance between the groups' means along it. @default 'means'
   */
  kind?: DirectionKind;
  /** Description of the groups. */
  source: string;
}

/**
 * A direction among a stage's thoughts, for steering: from one group of examples to another, thought by thought.
 * Strength 1 moves from the mean of one group to that of the other (along the direction, for a probe).
 *
 * @throws DecoderError `empty-set` for an empty group, or a probe without a second one; `length-mismatch` for examples
 *   with different numbers of thoughts, or thoughts of different widths
 */
export function stageDirection({
  positive,
  negative = [],
  kind = 'means',
  source,
}: StageDirectionOptions): ThoughtDirection {
  const [first] = positive;
  if (first === undefined || first.length === 0 || (kind === 'probe' && negative.length === 0))
    throw new DecoderError({
      code: 'empty-set',
      message: `A direction needs thoughts of ${kind === 'probe' ? 'both groups' : 'the positive group'}; got ${positive.length} and ${negative.length} examples.`,
    });
  const all = [...positive, ...negative];
  const odd = all.find((thoughts) => thoughts.length !== first.length);
  if (odd !== undefined)
    throw new DecoderError({
      code: 'length-mismatch',
      message: `A direction needs the same number of thoughts in every example; got ${first.length} and ${odd.length}.`,
    });
  const of = (pick: (thoughts: readonly SeenThought[]) => Float32Array | undefined) => {
    const picked = (group: typeof all) => group.map((thoughts) => pick(thoughts) as Float32Array);
    return direction({ positive: picked(positive.slice()), negative: picked(negative.slice()), kind });
  };
  return {
    stage: first[0]!.stage,
    source,
    thoughts: first.map((_, index) => of((thoughts) => thoughts[index]!.state)),
    ...(all.every((thoughts) => thoughts.at(-1)!.next !== undefined) && {
      next: of((thoughts) => thoughts.at(-1)!.next),
    }),
  };
}

function direction({
  positive,
  negative,
  kind,
}: {
  positive: readonly Float32Array[];
  negative: readonly Float32Array[];
  kind: DirectionKind;
}): Float32Array {
  const states = [...positive, ...negative];
  const width = states[0]!.length;
  const odd = states.find(({ length }) => length !== width);
  if (odd !== undefined)
    throw new DecoderError({
      code: 'length-mismatch',
      message: `Thoughts have widths ${width} and ${odd.length}; pass states of a single model.`,
    });
  const apart = subtracted(mean(positive, width), mean(negative, width));
  if (kind === 'means') return Float32Array.from(apart);
  const { features, apply } = standardize({ states, training: [...states.keys()], width });
  const weights = fitRegression({
    features,
    width,
    targets: Int32Array.from(states, (_, index) => (index < positive.length ? 0 : 1)),
    rows: [...states.keys()],
    classes: 2,
    regularization: 0.01,
    iterations: 200,
  });
  // The regression's weights refer to standardised features; convert them to the original units.
  const [ones, zeros] = [1, 0].map((value) => apply(new Float64Array(width).fill(value)));
  const normal = Float64Array.from(
    { length: width },
    (_, unit) => (weights[unit]! - weights[width + 1 + unit]!) * (ones![unit]! - zeros![unit]!),
  );
  const norm = euclideanNorm(normal);
  if (norm === 0) return new Float32Array(width);
  const along = normal.reduce((sum, value, unit) => sum + (value / norm) * apart[unit]!, 0);
  return Float32Array.from(normal, (value) => (value / norm) * along);
}

function mean(states: readonly Float32Array[], width: number): Float64Array {
  const sums = new Float64Array(width);
  for (const state of states) for (const [unit, value] of state.entries()) sums[unit]! += value;
  return sums.map((sum) => sum / Math.max(1, states.length));
}

function subtracted(one: Float64Array, other: Float64Array): Float64Array {
  return one.map((value, unit) => value - other[unit]!);
}
