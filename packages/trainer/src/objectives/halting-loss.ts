import { stopGradient } from '@subtext/reasoner';
import { gatherRows, tf } from '@subtext/tensor';

import type { HaltingOptions, HaltingPart } from './halting';

/**
 * The halting head's cross-entropy with the number of thoughts that would have been cheapest, `n* = argmin_n (L_n + cost · n)`,
 * `L_n` being the answer's loss after n thoughts, through which no gradient passes: `−Σ_{n<n*} log q_n − log (1 − q_{n*})`,
 * with `q_n` the probability to take one more thought after n of them; after the last there is nothing to decide.
 */
export function haltingLoss({
  model,
  states,
  losses,
  batch: { examples, thoughts, stateRows, lossStarts, lossCounts, more, stop, cost, exampleWeight },
}: {
  model: { logits(states: tf.Tensor2D): tf.Tensor2D };
  /** `[rows · time, width]`, after the final norm. */
  states: tf.Tensor2D;
  /** Of every predicted token, row by row. `[tokens]` */
  losses: tf.Tensor1D;
  batch: Omit<HaltingPart, 'weight'> & HaltingOptions;
}): {
  loss: tf.Scalar;
  /** Expected thoughts an example, its share of the batch's mean. */ expectedThoughts: tf.Scalar;
} {
  const logits = model.logits(gatherRows({ input: states, indices: stateRows }));
  // log q and log (1 − q) of taking one more thought, after each number of them.
  const difference = tf.reshape(haltingPreference({ logits, width: states.shape[1], more, stop }), [
    examples,
    thoughts,
  ]) as tf.Tensor2D;
  const goOn = logSigmoid(difference);
  const end = logSigmoid(tf.neg(difference));
  const zeros = tf.zeros([examples, 1]);
  // log p_n = Σ_{m<n} log q_m + log (1 − q_n); after the last thought it stops in any case. Sums over m as a product with a triangle.
  const before = tf.matMul(goOn, tf.tensor2d(triangle(thoughts), [thoughts, thoughts + 1]));
  const probabilities = tf.exp(tf.add(before, tf.concat([end, zeros], 1))) as tf.Tensor2D;
  // Where the cheapest number of thoughts goes on, and where it ends: [examples, 2 · thoughts].
  const decisions = stopGradient({
    input: losses,
    compute: (known) => {
      const price = tf.add(
        answerLosses({ losses: known as tf.Tensor1D, examples, thoughts, lossStarts, lossCounts }),
        tf.tensor2d(counting(thoughts, cost), [1, thoughts + 1]),
      );
      const cheapest = tf.expandDims(tf.argMin(price, 1), 1);
      const places = tf.range(0, thoughts, 1, 'int32');
      return tf.concat(
        [tf.cast(tf.less(places, cheapest), 'float32'), tf.cast(tf.equal(places, cheapest), 'float32')],
        1,
      );
    },
  });
  const [goesOn, ends] = tf.split(decisions, 2, 1);
  const chosen = tf.add(tf.mul(goOn, goesOn!), tf.mul(end, ends!));
  return {
    loss: tf.mul(tf.sum(chosen), -exampleWeight) as tf.Scalar,
    expectedThoughts: tf.mul(
      tf.sum(tf.mul(probabilities, tf.tensor2d(counting(thoughts, 1), [1, thoughts + 1]))),
      exampleWeight,
    ) as tf.Scalar,
  };
}

/**
 * What a halting head takes one more thought by, with the probability `σ(·)`: `(w_more − w_stop) · s / √width`, `[states]`. States
 * have the norm √width: undivided, the decision would be made before it is learned.
 */
export function haltingPreference({
  logits,
  width,
  more,
  stop,
}: {
  /** Of the states that decide. `[states, vocabulary]` */
  logits: tf.Tensor2D;
  width: number;
} & Pick<HaltingPart, 'more' | 'stop'>): tf.Tensor1D {
  const [open, close] = [more, stop].map((id) => tf.slice(logits, [0, id], [-1, 1]));
  return tf.reshape(tf.div(tf.sub(open!, close!), Math.sqrt(width)), [-1]) as tf.Tensor1D;
}

/** The summed loss of each example's answer after 0 … N thoughts: `[examples, thoughts + 1]`. */
function answerLosses({
  losses,
  examples,
  thoughts,
  lossStarts,
  lossCounts,
}: {
  losses: tf.Tensor1D;
  examples: number;
  thoughts: number;
  lossStarts: Int32Array;
  lossCounts: Int32Array;
}): tf.Tensor2D {
  const longest = Math.max(...lossCounts);
  const places = Array.from({ length: examples }, (_, example) =>
    Array.from({ length: thoughts + 1 }, (_, count) =>
      count === thoughts ? example : examples + example * thoughts + count,
    ),
  ).flat();
  const indices = places.flatMap((row) =>
    Array.from({ length: longest }, (_, index) => lossStarts[row]! + Math.min(index, lossCounts[row]! - 1)),
  );
  const counted = Float32Array.from(
    places.flatMap((row) => Array.from({ length: longest }, (_, index) => (index < lossCounts[row]! ? 1 : 0))),
  );
  const picked = tf.reshape(gatherRows({ input: tf.reshape(losses, [-1, 1]) as tf.Tensor2D, indices }), [
    places.length,
    longest,
  ]);
  return tf.reshape(tf.sum(tf.mul(picked, tf.tensor2d(counted, [places.length, longest])), 1), [
    examples,
    thoughts + 1,
  ]) as tf.Tensor2D;
}

/** log σ(x) = −softplus(−x). tfjs's own `logSigmoid` reads a freed tensor in its gradient where x is an intermediate result. */
export function logSigmoid<Rank extends tf.Tensor>(input: Rank): Rank {
  return tf.neg(tf.softplus(tf.neg(input)));
}

/** 1 where a row stands before a column: `[count, count + 1]`. */
function triangle(count: number): Float32Array {
  return Float32Array.from({ length: count * (count + 1) }, (_, index) =>
    Math.floor(index / (count + 1)) < index % (count + 1) ? 1 : 0,
  );
}

/** 0, step, 2 · step … up to `last` steps. */
function counting(last: number, step: number): Float32Array {
  return Float32Array.from({ length: last + 1 }, (_, index) => index * step);
}
