import { gatherRows, tf } from '@subtext/tensor';

/** A measure as a sum and what it is taken over: the batch's value is Σ sum / Σ count over its shards. */
export interface MeanMetric {
  sum: tf.Scalar;
  count: number;
}

/** Where the thoughts of a batch lie. */
export interface ThoughtRows {
  /** Row of the states `[rows · time]` of each thought: the one before its position, which predicts a thinking token, or is the continuous thought. */
  rows: Int32Array;
  /** A number for each thought: those of one stage and place in it have the same. */
  groups: Int32Array;
}

/**
 * How large thoughts are and how alike: `thoughtNorm`, the mean Euclidean norm, and `thoughtSimilarity`, the mean cosine
 * over pairs of thoughts of the same stage and place in different examples (of one shard). Thoughts that have collapsed
 * say the same whatever the question: a similarity of 1. With unit vectors u of a group of n,
 * `Σ_{i≠j} uᵢ·uⱼ = |Σ uᵢ|² − Σ |uᵢ|²`.
 */
export function measureThoughts({
  states,
  thoughts,
}: {
  /** `[rows · time, width]` */
  states: tf.Tensor2D;
  /** Absent: there are none. */
  thoughts?: ThoughtRows;
}): Record<'thoughtNorm' | 'thoughtSimilarity', MeanMetric> {
  const count = thoughts?.rows.length ?? 0;
  if (!thoughts || count === 0)
    return { thoughtNorm: { sum: tf.scalar(0), count: 0 }, thoughtSimilarity: { sum: tf.scalar(0), count: 0 } };
  const groups = Math.max(...thoughts.groups) + 1;
  const sizes = new Array<number>(groups).fill(0);
  const member = new Float32Array(groups * count);
  for (const [index, group] of thoughts.groups.entries()) {
    sizes[group]!++;
    member[group * count + index] = 1;
  }
  const picked = gatherRows({ input: states, indices: thoughts.rows }) as tf.Tensor2D;
  const norms = tf.sqrt(tf.sum(tf.square(picked), 1, true));
  // A thought of length 0 points nowhere: it is like no other.
  const units = tf.divNoNan(picked, norms);
  const together = tf.sum(tf.square(tf.matMul(tf.tensor2d(member, [groups, count]), units as tf.Tensor2D)));
  return {
    thoughtNorm: { sum: tf.sum(norms) as tf.Scalar, count },
    thoughtSimilarity: {
      sum: tf.sub(together, tf.sum(tf.square(units))) as tf.Scalar,
      count: sizes.reduce((pairs, size) => pairs + size * (size - 1), 0),
    },
  };
}
