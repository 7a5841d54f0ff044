import type { LanguageModel } from '@subtext/model';
import { scatterRows, tf } from '@subtext/tensor';

import type { BatchVisibility } from '../visibility/batch-visibility';
import type { GraphBatch } from './graph-batch';

/** A position of a question that later passes may look at. */
interface SuffixKey {
  query: number;
  position: number;
}

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
 * itself alone: one pass up to the thoughts, one for each continuous thought, one for the rest; a single one where all
 * thoughts are known beforehand (`mixtures`).
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
  /** Which question each key after the prefix belongs to, and its place there. */
  const keys: SuffixKey[] = [];
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
    for (let query = 0; query < queries; query++)
      for (let step = 0; step < length; step++) keys.push({ query, position: segment.from + step });
    const input = segment.continuous
      ? last!
      : withMixtures({
          embeddings: embed(suffixPart({ suffixIds, suffixTime, rows: graphs * queries, segment })),
          batch,
          embed,
        });
    const { hidden } = model.forward({
      embeddings: tf.reshape(input, [graphs, queries * length, width]) as tf.Tensor3D,
      cache,
      mask: blockMask({ batch, keys, segment }),
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

/** Puts mixtures of embeddings in their places: of a pass over the whole suffix, the only one where there are any. */
function withMixtures({
  embeddings,
  batch: { mixtures },
  embed,
}: Pick<Parameters<typeof graphForward>[0], 'batch' | 'embed'> & { embeddings: tf.Tensor3D }): tf.Tensor3D {
  if (!mixtures) return embeddings;
  const [rows, time, width] = embeddings.shape;
  const { places, count, ids, weights } = mixtures;
  const nodes = embed(tf.tensor2d(ids, [places.length, count], 'int32'));
  const mixed = tf.sum(tf.mul(nodes, tf.tensor3d(weights, [places.length, count, 1])), 1) as tf.Tensor2D;
  const flat = tf.reshape(embeddings, [rows * time, width]) as tf.Tensor2D;
  return tf.reshape(scatterRows({ input: flat, indices: places, updates: mixed }), [rows, time, width]);
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

/**
 * The graph and the question's own positions, as far as they may be seen: `[graphs, queries · length, keys]`. What comes
 * later the causal order hides.
 */
function blockMask({
  batch: { graphs, queries, prefixTime, prefixLengths, suffixTime, visibility },
  keys,
  segment: { from, length },
}: {
  batch: GraphBatch;
  keys: readonly SuffixKey[];
  segment: Segment;
}): tf.Tensor3D {
  const time = queries * length;
  const count = prefixTime + keys.length;
  const mask = new Int32Array(graphs * time * count);
  for (let graph = 0; graph < graphs; graph++) {
    for (let step = 0; step < time; step++) {
      const row = (graph * time + step) * count;
      const query = Math.floor(step / length);
      const sees = visibility && sightOf({ visibility, row: graph * queries + query, time: prefixTime + suffixTime });
      const place = prefixTime + from + (step % length);
      if (!sees) mask.fill(1, row, row + prefixLengths[graph]!);
      else for (let key = 0; key < prefixLengths[graph]!; key++) mask[row + key] = sees(place, key);
      for (const [key, { query: owner, position }] of keys.entries())
        if (owner === query) mask[row + prefixTime + key] = sees ? sees(place, prefixTime + position) : 1;
    }
  }
  return tf.tensor3d(mask, [graphs, time, count], 'int32');
}

/** Whether positions of a row of the batch may look at others: 1 or 0. Those of a question that is shorter look at nothing but themselves. */
function sightOf({
  visibility: { roles, count, sees },
  row,
  time,
}: {
  visibility: BatchVisibility;
  row: number;
  time: number;
}): (position: number, key: number) => number {
  return (position, key) => {
    const [own, other] = [roles[row * time + position]!, roles[row * time + key]!];
    if (own < 0 || other < 0) return position === key ? 1 : 0;
    return sees[(row * count + own) * count + other]!;
  };
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
