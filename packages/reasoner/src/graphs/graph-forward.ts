import type { LanguageModel } from '@subtext/model';
import { tf } from '@subtext/tensor';

import type { GraphBatch } from './graph-batch';

/** Positions of the suffix that are computed in one pass. */
interface Segment {
  from: number;
  length: number;
  /** Its input is the state before it. */
  continuous: boolean;
}

/**
 * States of every position of every question, `[graphs · queries · suffixTime, width]`, after the final norm. The graph
 * is one pass for all of its questions; then all questions go on side by side on its cache, each seeing the graph and
 * itself alone: one pass up to the thoughts, one for each continuous thought, one for the rest.
 */
export function graphForward({
  model,
  batch,
  embed,
}: {
  model: LanguageModel;
  batch: GraphBatch;
  /** int32 ids `[rows, time]` to `[rows, time, width]`. */
  embed: (ids: tf.Tensor2D) => tf.Tensor3D;
}): tf.Tensor2D {
  const { graphs, queries, prefixIds, prefixTime, suffixIds, suffixTime, thoughtStart, thoughts } = batch;
  const { width } = model.dimensions;
  const cache = model.newGrowingCache();
  /** Question that each key after the prefix belongs to. */
  const owners: number[] = [];
  const largestPosition = prefixTime + suffixTime - 1;

  const prefix = embed(tf.tensor2d(prefixIds, [graphs, prefixTime], 'int32'));
  model.forward({
    embeddings: prefix,
    cache,
    mask: prefixMask(batch),
    positions: tf.range(0, prefixTime, 1, 'int32').reshape([1, prefixTime]) as tf.Tensor2D,
    largestPosition,
  });

  const end = thoughtStart + thoughts;
  const segments: Segment[] = [
    { from: 0, length: thoughts > 0 ? thoughtStart : suffixTime, continuous: false },
    ...Array.from({ length: thoughts }, (_, index): Segment => ({
      from: thoughtStart + index,
      length: 1,
      continuous: true,
    })),
    ...(thoughts > 0 && end < suffixTime ? [{ from: end, length: suffixTime - end, continuous: false }] : []),
  ];
  const states: tf.Tensor3D[] = [];
  let last: tf.Tensor3D | undefined;
  for (const segment of segments) {
    const { length } = segment;
    for (let query = 0; query < queries; query++) for (let step = 0; step < length; step++) owners.push(query);
    const input = segment.continuous
      ? last!
      : embed(suffixPart({ suffixIds, suffixTime, rows: graphs * queries, segment }));
    const { hidden } = model.forward({
      embeddings: tf.reshape(input, [graphs, queries * length, width]) as tf.Tensor3D,
      cache,
      mask: blockMask({ batch, owners, length }),
      positions: suffixPositions({ batch, segment }),
      largestPosition,
    });
    const rows = tf.reshape(hidden, [graphs * queries, length, width]) as tf.Tensor3D;
    last = length === 1 ? rows : (tf.slice(rows, [0, length - 1, 0], [graphs * queries, 1, width]) as tf.Tensor3D);
    states.push(rows);
  }
  return tf.reshape(states.length === 1 ? states[0]! : tf.concat(states, 1), [
    graphs * queries * suffixTime,
    width,
  ]) as tf.Tensor2D;
}

function suffixPart({
  suffixIds,
  suffixTime,
  rows,
  segment: { from, length },
}: {
  suffixIds: Int32Array;
  suffixTime: number;
  rows: number;
  segment: Segment;
}): tf.Tensor2D {
  const ids = new Int32Array(rows * length);
  for (let row = 0; row < rows; row++)
    ids.set(suffixIds.subarray(row * suffixTime + from, row * suffixTime + from + length), row * length);
  return tf.tensor2d(ids, [rows, length], 'int32');
}

/** 1 on the graph's tokens, 0 on padding: `[graphs, prefixTime]`. */
function prefixMask({ graphs, prefixTime, prefixLengths }: GraphBatch): tf.Tensor2D {
  return tf.tensor2d(
    Int32Array.from({ length: graphs * prefixTime }, (_, place) =>
      place % prefixTime < prefixLengths[Math.floor(place / prefixTime)]! ? 1 : 0,
    ),
    [graphs, prefixTime],
    'int32',
  );
}

/** The graph and the question's own positions: `[graphs, queries · length, keys]`. What comes later the causal order hides. */
function blockMask({
  batch: { graphs, queries, prefixTime, prefixLengths },
  owners,
  length,
}: {
  batch: GraphBatch;
  owners: readonly number[];
  length: number;
}): tf.Tensor3D {
  const time = queries * length;
  const keys = prefixTime + owners.length;
  const mask = new Int32Array(graphs * time * keys);
  for (let graph = 0; graph < graphs; graph++) {
    for (let step = 0; step < time; step++) {
      const row = (graph * time + step) * keys;
      mask.fill(1, row, row + prefixLengths[graph]!);
      const query = Math.floor(step / length);
      for (let key = 0; key < owners.length; key++) if (owners[key] === query) mask[row + prefixTime + key] = 1;
    }
  }
  return tf.tensor3d(mask, [graphs, time, keys], 'int32');
}

/** Positions as if each question stood behind the graph alone: `[graphs, queries · length]`. */
function suffixPositions({
  batch: { graphs, queries, prefixLengths },
  segment: { from, length },
}: {
  batch: GraphBatch;
  segment: Segment;
}): tf.Tensor2D {
  const time = queries * length;
  return tf.tensor2d(
    Int32Array.from(
      { length: graphs * time },
      (_, place) => prefixLengths[Math.floor(place / time)]! + from + (place % length),
    ),
    [graphs, time],
    'int32',
  );
}
