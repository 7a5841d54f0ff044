import { type ReasonerBatch, stopGradient } from '@subtext/reasoner';
import { crossEntropy, gatherRows, tf } from '@subtext/tensor';

import { haltingPreference, logSigmoid } from './halting-loss';
import type { Forward, ObjectiveDefinition } from './objective';

export interface GrpoOptions {
  /** How far the ratio of the new to the old probability of an action counts, below 1 and above it. */
  clip: { low: number; high: number };
  /** Of the distance to the reference; 0 where there is none. */
  klWeight: number;
}

/** Choices of ids that states made: `picks` of each, from the probabilities `softmax(logits / temperature)`. */
export interface SampledIds {
  /** Rows of the states `[rows · time]`. `[choices]` */
  rows: Int32Array;
  /** `[choices · picks]` */
  ids: Int32Array;
  picks: number;
  temperature: number;
}

/** Vectors that were drawn around states, each number with one deviation. */
export interface SampledVectors {
  /** Rows of the states, which are the means. `[vectors]` */
  rows: Int32Array;
  /** `[vectors · width]` */
  values: Float32Array;
  deviation: number;
}

/** Decisions of a halting head: after each state another thought, or the answer. */
export interface SampledHalts {
  /** Rows of the states. `[decisions]` */
  rows: Int32Array;
  /** 1 where another thought was taken, −1 where thinking ended. `[decisions]` */
  taken: Float32Array;
  /** Ids of the tokens whose logits decide. */
  more: number;
  stop: number;
}

/**
 * What the answers of a shard were made of. An action is a token of text, a thought that is a mean of sampled tokens'
 * embeddings, a thought that is a vector, or the decision to take one more thought or none; they stand in this order.
 */
export interface GrpoPart {
  text: SampledIds;
  thoughts?: SampledIds;
  vectors?: SampledVectors;
  halts?: SampledHalts;
  /** By action, the advantage of its answer. */
  advantages: Float32Array;
  /** By action, what it counts; they sum to 1 over the shards of a step. */
  weights: Float32Array;
  /** By action, its log probability when it was sampled. @default as it is now: the first update after sampling */
  old?: Float32Array;
  /** By action, its log probability in the reference. @default there is none */
  reference?: Float32Array;
  /** This shard's part of what was measured of the answers, by name. */
  measures: Readonly<Record<string, number>>;
}

/**
 * Group relative policy optimization (GRPO, arXiv 2402.03300): `−Σ_a w_a min(r_a A_a, clip(r_a, 1 − ε, 1 + ε′) A_a) + β Σ_a w_a
 * D_a` over the actions a of sampled answers, `r = π / π_old` and `D = π_ref/π − log(π_ref/π) − 1`. Sources of rollouts put its
 * part into their shards. Metrics: `entropy` of the choices of ids, `clippedShare` and, with a reference, `kl`, weighted as
 * the loss; and what the source measured.
 */
export const grpo: ObjectiveDefinition<GrpoOptions, undefined, GrpoPart, ReasonerBatch> = {
  name: 'grpo',
  create: ({ options }) => ({
    loss({ forward, part }) {
      const { logProbabilities, entropy } = actions({ forward, part });
      const { loss, kl, clippedShare } = policyLoss({ logProbabilities, ...part, ...options });
      const measures = Object.entries(part.measures).map(([name, value]) => [name, tf.scalar(value)] as const);
      return {
        terms: [loss],
        metrics: { ...Object.fromEntries(measures), entropy, clippedShare, ...(kl && { kl }) },
      };
    },
  }),
};

/** Log probabilities of a shard's actions, `[actions]`, and the entropy of their choices of ids, weighted. */
export function actions({
  forward,
  part: { text, thoughts, vectors, halts, weights },
}: {
  forward: Pick<Forward, 'states' | 'logits'>;
  part: Pick<GrpoPart, 'text' | 'thoughts' | 'vectors' | 'halts' | 'weights'>;
}): { logProbabilities: tf.Tensor1D; entropy: tf.Scalar } {
  const sampled = [text, ...(thoughts ? [thoughts] : [])].filter(({ rows }) => rows.length > 0);
  const found: tf.Tensor1D[] = [];
  const entropies: tf.Scalar[] = [tf.scalar(0)];
  let from = 0;
  for (const { rows, ids, picks, temperature } of sampled) {
    const plain = forward.logits(gatherRows({ input: forward.states, indices: rows }));
    const logits = temperature === 1 ? plain : (tf.div(plain, temperature) as tf.Tensor2D);
    const losses = Array.from({ length: picks }, (_, pick) =>
      crossEntropy({
        logits,
        labels: tf.tensor1d(
          Int32Array.from(rows, (__, choice) => ids[choice * picks + pick]!),
          'int32',
        ),
      }),
    );
    found.push(tf.neg(picks === 1 ? losses[0]! : tf.addN(losses)));
    const own = tf.tensor1d(weights.slice(from, from + rows.length));
    entropies.push(
      stopGradient({ input: logits, compute: (known) => entropyOf(known as tf.Tensor2D, own) }) as tf.Scalar,
    );
    from += rows.length;
  }
  if (vectors && vectors.rows.length > 0) {
    const means = gatherRows({ input: forward.states, indices: vectors.rows });
    const away = tf.sub(tf.tensor2d(vectors.values, means.shape), means);
    // The density's constant falls out of every ratio.
    found.push(tf.mul(tf.sum(tf.square(away), 1), -1 / (2 * vectors.deviation ** 2)) as tf.Tensor1D);
  }
  if (halts && halts.rows.length > 0) {
    const preference = haltingPreference({
      logits: forward.logits(gatherRows({ input: forward.states, indices: halts.rows })),
      width: forward.states.shape[1],
      ...halts,
    });
    found.push(logSigmoid(tf.mul(preference, tf.tensor1d(halts.taken))));
  }
  return { logProbabilities: found.length === 1 ? found[0]! : tf.concat1d(found), entropy: tf.addN(entropies) };
}

/** The loss of actions, and its measures: `kl` and `clippedShare` weighted as the loss. */
export function policyLoss({
  logProbabilities,
  advantages,
  weights,
  old,
  reference,
  clip: { low, high },
  klWeight,
}: {
  /** `[actions]` */ logProbabilities: tf.Tensor1D;
} & Pick<GrpoPart, 'advantages' | 'weights' | 'old' | 'reference'> &
  GrpoOptions): { loss: tf.Scalar; kl?: tf.Scalar; clippedShare: tf.Scalar } {
  const before = old ? tf.tensor1d(old) : stopGradient({ input: logProbabilities });
  const ratio = tf.exp(tf.sub(logProbabilities, before)) as tf.Tensor1D;
  const bounds = tf.tensor1d(advantages.map((advantage) => (advantage > 0 ? 1 + high : 1 - low)));
  const directions = tf.tensor1d(advantages.map(Math.sign));
  // 1 where the ratio has gone past its bound in the direction that the advantage asks for: nothing is left to learn there.
  const clipped = stopGradient({
    input: ratio,
    compute: (known) => tf.cast(tf.greater(tf.mul(tf.sub(known, bounds), directions), 0), 'float32'),
  });
  const counted = tf.add(tf.mul(ratio, tf.sub(1, clipped)), tf.mul(bounds, clipped));
  const share = tf.tensor1d(weights);
  const gained = tf.sum(tf.mul(counted, tf.mul(share, tf.tensor1d(advantages))));
  const clippedShare = tf.sum(tf.mul(clipped, share)) as tf.Scalar;
  if (!reference) return { loss: tf.neg(gained) as tf.Scalar, clippedShare };
  const difference = tf.sub(tf.tensor1d(reference), logProbabilities);
  // Schulman's estimate of the KL divergence, of low variance and never below 0.
  const kl = tf.sum(tf.mul(share, tf.sub(tf.sub(tf.exp(difference), difference), 1))) as tf.Scalar;
  return { loss: tf.sub(tf.mul(kl, klWeight), gained) as tf.Scalar, kl, clippedShare };
}

/** `Σ_c w_c H(softmax(logits_c))`. */
function entropyOf(logits: tf.Tensor2D, weights: tf.Tensor1D): tf.Scalar {
  return tf.tidy(() => {
    const logProbabilities = tf.logSoftmax(logits);
    const each = tf.neg(tf.sum(tf.mul(tf.exp(logProbabilities), logProbabilities), 1));
    return tf.sum(tf.mul(each, weights)) as tf.Scalar;
  });
}
