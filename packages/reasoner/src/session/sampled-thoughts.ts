import type { LanguageModel } from '@subtext/model';
import { tf } from '@subtext/tensor';

import { randomAt } from '../batches/counter-random';
import type { FeedbackMap } from '../feedback/feedback-map';
import type { ReasoningMethod } from '../methods/reasoning-method';
import type { DecideThought } from './think-in-prompt';

/** How thoughts are drawn while answers are sampled. */
export type ThoughtSampling =
  /** They are not: a thought is what the method makes it, and learns by the tokens that come after. */
  | { kind: 'state' }
  /** The mean of `count` tokens' embeddings, drawn from `softmax(logits / count)` (CoT2's multi-token sampling). */
  | { kind: 'tokens'; count: number }
  /** The state with normal noise of a deviation on each number. */
  | { kind: 'gaussian'; deviation: number }
  /** From what the latent head predicts (CoLaR), its deviations times `temperature`. */
  | { kind: 'latent-head'; temperature: number };

/** A thought that was drawn: of tokens, or a vector. */
export type DrawnThought = { ids: number[] } | { vector: Float32Array };

/** Why thoughts of a method cannot be drawn so, in words; undefined where they can. */
export function refusedSampling({
  method,
  sampling,
}: {
  method: ReasoningMethod;
  sampling: ThoughtSampling;
}): string | undefined {
  if (sampling.kind === 'state') return undefined;
  const thinks = method.promptThoughts !== undefined && method.thoughtStages?.({ stages: ['step_1'] }).length !== 0;
  if (!thinks)
    return `the method "${method.name}" has no continuous thoughts to draw. Take "state", or a method that has: coconut, sim-cot, codi, kava, cot2, colar.`;
  const hasHead = method.latentHead === true;
  if (hasHead && sampling.kind !== 'latent-head')
    return `thoughts of the method "${method.name}" are drawn from what its latent head predicts. Take "latent-head".`;
  if (!hasHead && sampling.kind === 'latent-head')
    return `the method "${method.name}" has no latent head. Take "tokens" or noise around states, or the method "colar".`;
  if (sampling.kind === 'gaussian' && method.mixesEmbeddings === true)
    return `noise around a state is no thought of the method "${method.name}", which mixes embeddings. Take "tokens".`;
  return undefined;
}

/** Draws thoughts of answers, in place of what the method makes them. */
export class ThoughtSampler {
  readonly #sampling: Exclude<ThoughtSampling, { kind: 'state' }>;
  /** `[vocabulary · width]` */
  readonly #table: Float32Array;
  readonly #head?: FeedbackMap;

  private constructor(options: {
    sampling: Exclude<ThoughtSampling, { kind: 'state' }>;
    table?: Float32Array;
    head?: FeedbackMap;
  }) {
    this.#sampling = options.sampling;
    this.#table = options.table ?? new Float32Array(0);
    this.#head = options.head;
  }

  /** Of a model as it is now; undefined where thoughts are not drawn. */
  static async open({
    model,
    feedback,
    sampling,
  }: {
    model: LanguageModel;
    /** Of a reasoner whose latent head predicts thoughts: its map. @default none */
    feedback?: FeedbackMap;
    sampling: ThoughtSampling;
  }): Promise<ThoughtSampler | undefined> {
    if (sampling.kind === 'state') return undefined;
    if (sampling.kind === 'gaussian') return new ThoughtSampler({ sampling });
    if (sampling.kind === 'latent-head') return new ThoughtSampler({ sampling, head: feedback });
    const { vocabularySize } = model.dimensions;
    const embeddings = tf.tidy(() =>
      model.embed(tf.reshape(tf.range(0, vocabularySize, 1, 'int32'), [1, vocabularySize]) as tf.Tensor2D),
    );
    const table = (await embeddings.data().finally(() => embeddings.dispose())) as Float32Array;
    return new ThoughtSampler({ sampling, table });
  }

  /** Draws that these counters name: the same counters, the same draws. */
  draws(counters: readonly number[]): ThoughtDraws {
    return new ThoughtDraws({ sampling: this.#sampling, table: this.#table, head: this.#head, counters });
  }
}

/** Draws the thoughts of one call of `Reasoner.think`, and remembers what was drawn. */
export class ThoughtDraws {
  readonly #sampling: Exclude<ThoughtSampling, { kind: 'state' }>;
  readonly #table: Float32Array;
  readonly #head?: FeedbackMap;
  readonly #counters: readonly number[];
  readonly #drawn = new Map<number, DrawnThought[]>();

  constructor(options: {
    sampling: Exclude<ThoughtSampling, { kind: 'state' }>;
    table: Float32Array;
    head?: FeedbackMap;
    counters: readonly number[];
  }) {
    this.#sampling = options.sampling;
    this.#table = options.table;
    this.#head = options.head;
    this.#counters = options.counters;
  }

  /** For `Reasoner.think`. */
  readonly nextInput: DecideThought = async ({ row, input, hidden, logits }) => {
    const drawn = this.drawn(row);
    const counters = [...this.#counters, row, drawn.length];
    if (this.#sampling.kind !== 'tokens') {
      const deviations = await this.#deviations(hidden);
      const vector = input.map((value, index) => value + deviations(index) * normalAt(...counters, index));
      drawn.push({ vector });
      return vector;
    }
    const { count } = this.#sampling;
    const cumulative = cumulativeShares({ logits: await logits(), temperature: count });
    const ids = Array.from({ length: count }, (_, pick) => drawFrom(cumulative, randomAt(...counters, pick)));
    drawn.push({ ids });
    const { length: width } = input;
    const mean = new Float32Array(width);
    for (const id of ids)
      for (let unit = 0; unit < width; unit++) mean[unit]! += this.#table[id * width + unit]! / count;
    return mean;
  };

  /** By number of a thought, how far draws lie from what it is fed otherwise. */
  async #deviations(hidden: Float32Array): Promise<(index: number) => number> {
    const sampling = this.#sampling as Extract<ThoughtSampling, { kind: 'gaussian' | 'latent-head' }>;
    if (sampling.kind === 'gaussian') return () => sampling.deviation;
    const deviations = tf.tidy(() => {
      const { deviation, scale } = this.#head!.predict(tf.tensor2d(hidden, [1, hidden.length]));
      return tf.mul(tf.mul(deviation, scale), sampling.temperature);
    });
    const values = await deviations.data().finally(() => deviations.dispose());
    return (index) => values[index]!;
  }

  /** The thoughts of a row, in order. */
  drawn(row: number): DrawnThought[] {
    let found = this.#drawn.get(row);
    if (found === undefined) this.#drawn.set(row, (found = []));
    return found;
  }
}

/** Running sums of `softmax(logits / temperature)`. */
function cumulativeShares({ logits, temperature }: { logits: Float32Array; temperature: number }): Float64Array {
  const largest = logits.reduce((most, value) => Math.max(most, value), -Infinity);
  const sums = new Float64Array(logits.length);
  let sum = 0;
  for (const [id, value] of logits.entries()) sums[id] = sum += Math.exp((value - largest) / temperature);
  return sums;
}

/** The first place whose running sum is above a share of the whole. */
function drawFrom(sums: Float64Array, share: number): number {
  const wanted = share * sums.at(-1)!;
  let [low, high] = [0, sums.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sums[middle]! > wanted) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** A number from the standard normal distribution for these counters (Box–Muller). */
function normalAt(...counters: readonly number[]): number {
  const radius = Math.sqrt(-2 * Math.log(1 - randomAt(...counters, 0)));
  return radius * Math.cos(2 * Math.PI * randomAt(...counters, 1));
}
