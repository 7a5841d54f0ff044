import { tf } from '@subtext/tensor';

/** What hides a position that is none: far below every score. */
const HIDDEN = -1e9;

export interface KeptPositionsOptions {
  /** Of each chain's positions, padded to the longest: `[rows, chain, heads, headWidth]`. */
  keys: tf.Tensor4D;
  /** How much the answer looks at each of them, by head of keys: `[rows, heads, chain]`, from 0. */
  attention: tf.Tensor3D;
  /** 1 where a row's chain has a position, else 0: `[rows, chain]`. */
  mask: tf.Tensor2D;
  /** How many each head keeps: at most the shortest chain's positions. */
  slots: number;
  /** λ, from 0 to 1. */
  importance: number;
}

/**
 * Which positions of its chain each head keeps, in their order: `[rows, heads, slots]`, int32. By R-KV's score (arXiv
 * 2505.24133), with the answer's attention as KaVa takes it (arXiv 2510.02312), the highest of
 *
 *     λ · I_i − (1 − λ) · R_i,   I_i = a_i / Σ_j a_j,   R = softmax_i (mean over j ≠ i of cos(k_i, k_j)),
 *
 * sums, means and the softmax over the row's own chain: a is how much the answer looks at a position, R how much a key repeats
 * the others.
 */
export function keptPositions({ keys, attention, mask, slots, importance }: KeptPositionsOptions): tf.Tensor3D {
  return tf.tidy(() => {
    const [rows, chain] = mask.shape;
    const there = tf.reshape(mask, [rows, 1, chain]);
    const byHead = tf.transpose(keys, [0, 2, 1, 3]);
    const unit = tf.div(byHead, tf.maximum(tf.norm(byHead, 2, 3, true), 1e-12));
    const cosines = tf.matMul(unit, unit, false, true);
    // A key is like itself: that says nothing.
    const own = tf.sum(tf.square(unit), 3);
    const others = tf.sub(tf.sum(tf.mul(cosines, tf.expandDims(there, 1)), 3), tf.mul(own, there));
    const count = tf.sub(tf.sum(there, 2, true), 1);
    const repeats = tf.div(others, tf.maximum(count, 1));
    const hidden = tf.mul(tf.sub(1, there), HIDDEN);
    const redundancy = tf.softmax(tf.add(repeats, hidden));
    const looked = tf.mul(attention, there);
    const looking = tf.div(looked, tf.maximum(tf.sum(looked, 2, true), 1e-12));
    const score = tf.add(tf.sub(tf.mul(looking, importance), tf.mul(redundancy, 1 - importance)), hidden);
    const { indices } = tf.topk(score, slots);
    const last = tf.neg(tf.topk(tf.neg(tf.cast(indices, 'float32')), slots).values);
    return tf.cast(last, 'int32') as tf.Tensor3D;
  });
}
