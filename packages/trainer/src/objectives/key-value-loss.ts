import { type KeysAndValues, type Layout, type Teacher, withoutGradient } from '@subtext/reasoner';
import { gatherRows, tf } from '@subtext/tensor';

import { type Distance, distances } from './distance';
import { keptPositions } from './kept-positions';

export interface KeyValueOptions {
  /** How two numbers are compared, in units of the teacher's deviation. */
  distance: Distance;
  /** Of the distance, in the loss. */
  weight: number;
  /** See `keptPositions`. */
  importance: number;
}

/** Which keys and values of two readings are compared. */
export interface KeyValuePart {
  /** Thoughts of an example: positions that each head keeps of its chain. */
  slots: number;
  /** Rows of the thoughts in the taught reading's states, example by example: `[examples · slots]`. */
  thoughtRows: Int32Array;
  /** Of the longest chain. */
  chainLength: number;
  /** Rows of the chains' positions in the teacher's states, padded with any: `[examples · chainLength]`. */
  chainRows: Int32Array;
  /** 1 where a chain has a position, else 0: `[examples, chainLength]`. */
  chainMask: Float32Array;
  /** What each of the teacher's positions counts among those that predict the answer, 0 elsewhere: `[examples, time]`. */
  answerShares: Float32Array;
}

/** Puts the part together from layouts and their teachers. */
export function keyValuePart({
  layouts,
  teachers,
  time,
  teacherTime,
}: {
  layouts: readonly Layout[];
  teachers: readonly Teacher[];
  /** Columns of the taught reading's batch. */ time: number;
  teacherTime: number;
}): KeyValuePart {
  const slots = layouts[0]?.thoughts.length ?? 0;
  const chainLength = Math.max(0, ...teachers.map(({ chain: { from, to } }) => to - from));
  const chainRows = new Int32Array(teachers.length * chainLength);
  const chainMask = new Float32Array(teachers.length * chainLength);
  const answerShares = new Float32Array(teachers.length * teacherTime);
  for (const [row, { apart, chain, position }] of teachers.entries()) {
    for (let place = 0; place < chainLength; place++) {
      const isThere = chain.from + place < chain.to;
      chainRows[row * chainLength + place] = row * teacherTime + (isThere ? chain.from + place : chain.from);
      chainMask[row * chainLength + place] = isThere ? 1 : 0;
    }
    // The position before a token of the answer predicts it: the last token is predicted, and predicts nothing.
    const last = apart[0].ids.length - 1;
    answerShares.fill(1 / (last - position), row * teacherTime + position, row * teacherTime + last);
  }
  return {
    slots,
    thoughtRows: Int32Array.from(
      layouts.flatMap(({ thoughts }, row) => thoughts.map((thought) => row * time + thought.position)),
    ),
    chainLength,
    chainRows,
    chainMask,
    answerShares,
  };
}

/**
 * KaVa's comparison of two readings (arXiv 2510.02312): of the keys k and values v that the chain in words leaves in the cache,
 * each head of each layer keeps as many positions as there are thoughts (`keptPositions`), and the thoughts' own, in order,
 * are to be these: the mean over layers, keys and values, thoughts and numbers of `ρ((s − t) / σ(t))`, with t the teacher's,
 * through which no gradient passes, s the thought's, σ the deviation of what is kept in this shard, and ρ the distance.
 */
export function keyValueLoss({
  own,
  teacher,
  attentions,
  heads,
  part: { slots, thoughtRows, chainLength, chainRows, chainMask, answerShares },
  distance,
  importance,
  exampleWeight,
}: {
  /** The taught reading's, by layer: `[rows · time, heads · headWidth]`. */
  own: readonly KeysAndValues[];
  /** The teacher's. */
  teacher: readonly KeysAndValues[];
  /** The teacher's, by layer: `[examples, queryHeads, time, time]`. */
  attentions: readonly tf.Tensor4D[];
  /** Of keys and values. */
  heads: number;
  part: KeyValuePart;
  /** 1 / examples of the whole step. */
  exampleWeight: number;
} & Omit<KeyValueOptions, 'weight'>): tf.Scalar {
  const examples = chainMask.length / chainLength;
  const losses = teacher.flatMap(({ key, value }, layer) => {
    const headWidth = key.shape[1] / heads;
    const kept = withoutGradient(() =>
      keptPositions({
        keys: tf.reshape(gatherRows({ input: key, indices: chainRows }), [examples, chainLength, heads, headWidth]),
        attention: answerAttention({ attention: attentions[layer]!, heads, answerShares, chainRows, chainLength }),
        mask: tf.tensor2d(chainMask, [examples, chainLength]),
        slots,
        importance,
      }),
    ) as tf.Tensor3D;
    const rows = withoutGradient(() => keptRows({ kept, chainLength })) as tf.Tensor1D;
    return [
      { states: own[layer]!.key, from: key },
      { states: own[layer]!.value, from: value },
    ].map(({ states, from }) => {
      // By example, head and thought.
      const target = withoutGradient(() => {
        const chain = gatherRows({ input: from, indices: chainRows });
        return gatherRows({
          input: tf.reshape(chain, [chain.shape[0] * heads, headWidth]) as tf.Tensor2D,
          indices: rows,
        });
      });
      const deviation = withoutGradient(() => tf.add(tf.sqrt(tf.moments(target).variance), 1e-6));
      const thoughts = gatherRows({ input: states, indices: thoughtRows });
      const byHead = tf.transpose(tf.reshape(thoughts, [examples, slots, heads, headWidth]), [0, 2, 1, 3]);
      const difference = tf.sub(tf.reshape(byHead, target.shape), target);
      return tf.mul(
        tf.sum(distances({ difference: tf.div(difference, deviation), distance })),
        exampleWeight / (slots * heads * headWidth),
      );
    });
  });
  return tf.div(tf.addN(losses), losses.length) as tf.Scalar;
}

/** How much the answer looks at each position of the chain, by head of keys: `[examples, heads, chainLength]`. */
function answerAttention({
  attention,
  heads,
  answerShares,
  chainRows,
  chainLength,
}: {
  attention: tf.Tensor4D;
  heads: number;
} & Pick<KeyValuePart, 'answerShares' | 'chainRows' | 'chainLength'>): tf.Tensor3D {
  const [examples, queryHeads, time] = attention.shape;
  const shares = tf.tensor(answerShares, [examples, 1, time, 1]);
  // The mean over the positions that predict the answer, and over the query heads that share a head of keys.
  const looked = tf.mean(
    tf.reshape(tf.sum(tf.mul(attention, shares), 2), [examples, heads, queryHeads / heads, time]),
    2,
  );
  const byPosition = tf.reshape(tf.transpose(looked, [0, 2, 1]), [examples * time, heads]) as tf.Tensor2D;
  const chain = tf.reshape(gatherRows({ input: byPosition, indices: chainRows }), [examples, chainLength, heads]);
  return tf.transpose(chain, [0, 2, 1]) as tf.Tensor3D;
}

/** Rows of `[examples · chainLength · heads]` of what is kept, by example, head and thought. */
function keptRows({ kept, chainLength }: { kept: tf.Tensor3D; chainLength: number }): tf.Tensor1D {
  const [examples, heads, slots] = kept.shape;
  const places = Int32Array.from({ length: examples * heads * slots }, (_, index) => {
    const example = Math.floor(index / (heads * slots));
    const head = Math.floor(index / slots) % heads;
    return example * chainLength * heads + head;
  });
  const first = tf.tensor1d(places, 'int32');
  return tf.add(tf.mul(tf.reshape(kept, [-1]), tf.scalar(heads, 'int32')), first) as tf.Tensor1D;
}
