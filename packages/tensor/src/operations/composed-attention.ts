import { tf } from '../tensorflow';
import type { AttentionKernel, AttentionKernelOptions } from '../kernels/kernels';

/** Stands for −∞ in scores: finite, so that fully masked rows do not become NaN, and large enough to absorb any score. */
const maskedScore = -1e30;

/**
 * Attention composed of TensorFlow.js operations. Query heads that share a key head are stacked along time, so that
 * grouped heads need no copies of key and value: `[batch·keyValueHeads, group·queryTime, headWidth]`. Where possible, work
 * is done on queries or outputs instead of the larger scores. A window must already be merged into the mask.
 */
export const composedAttention: AttentionKernel = { supports: ({ window }) => window === null, forward, backward };

/** Saves the probabilities and, with a soft cap c, tanh(x / c) of the scaled scores x: `[batch·keyValueHeads, group·queryTime, keyTime]`. */
function forward({ query, key, value, ...options }: AttentionKernelOptions): ReturnType<AttentionKernel['forward']> {
  const { heads, keyValueHeads } = options;
  const { probabilities, capped } = attentionProbabilities({ query, key, ...options });
  const output = mergeHeads(
    tf.matMul(probabilities, splitHeads(value, keyValueHeads, 1)) as tf.Tensor3D,
    query.shape[0],
    keyValueHeads,
    heads / keyValueHeads,
  );
  return { output, kept: capped === null ? [probabilities] : [probabilities, capped] };
}

/** Softmax of the scores and, with a soft cap c, tanh(x / c) of the scaled scores x: `[batch·keyValueHeads, group·queryTime, keyTime]`. */
export function attentionProbabilities({
  query,
  key,
  heads,
  keyValueHeads,
  causal,
  mask,
  scale,
  softCap,
}: Omit<AttentionKernelOptions, 'value'>): { probabilities: tf.Tensor; capped: tf.Tensor3D | null } {
  const [batch, queryTime] = query.shape;
  const keyTime = key.shape[1];
  const group = heads / keyValueHeads;
  const products = tf.matMul(
    splitHeads(tf.mul(query, softCap === null ? scale : scale / softCap), keyValueHeads, group),
    splitHeads(key, keyValueHeads, 1),
    false,
    true,
  );
  const capped = softCap === null ? null : (tf.tanh(products) as tf.Tensor3D);
  const probabilities = maskedSoftmax({
    scores: capped === null ? products : tf.mul(capped, softCap!),
    shape: [batch, heads, queryTime, keyTime],
    allowed: allowedKeys({ batch, queryTime, keyTime, causal, mask }),
    rowsMayBeBlind: mask !== null || (causal && keyTime < queryTime),
  });
  return { probabilities, capped };
}

/**
 * With P the probabilities: `dV = Pᵀ·dO`, `dS = P ∘ (dO·Vᵀ − rowsum(dO ∘ O))`, `dQ = scale·dS·K`, `dK = scale·dSᵀ·Q`.
 * With a soft cap, dS is first multiplied by its derivative 1 − tanh²(x / cap).
 */
function backward({
  gradient,
  query,
  key,
  value,
  output,
  kept: [probabilities, capped],
  heads,
  keyValueHeads,
  scale,
}: Parameters<AttentionKernel['backward']>[0]): ReturnType<AttentionKernel['backward']> {
  return tf.tidy(() => {
    const batch = query.shape[0];
    const group = heads / keyValueHeads;
    const outputGradient = splitHeads(gradient, keyValueHeads, group);
    const rowSums = tf.sum(splitHeads(tf.mul(gradient, output), keyValueHeads, group), -1, true);
    const cappedGradient = tf.mul(
      probabilities!,
      tf.sub(tf.matMul(outputGradient, splitHeads(value, keyValueHeads, 1), false, true), rowSums),
    );
    const scoreGradient = capped === undefined ? cappedGradient : tf.mul(cappedGradient, tf.sub(1, tf.square(capped)));
    const scaledQuery = splitHeads(tf.mul(query, scale), keyValueHeads, group);
    return {
      query: tf.mul(
        mergeHeads(
          tf.matMul(scoreGradient, splitHeads(key, keyValueHeads, 1)) as tf.Tensor3D,
          batch,
          keyValueHeads,
          group,
        ),
        scale,
      ),
      key: mergeHeads(tf.matMul(scoreGradient, scaledQuery, true, false) as tf.Tensor3D, batch, keyValueHeads, 1),
      value: mergeHeads(tf.matMul(probabilities!, outputGradient, true, false) as tf.Tensor3D, batch, keyValueHeads, 1),
    };
  });
}

/** Softmax over the visible keys; fully masked rows become zeros. */
function maskedSoftmax({
  scores,
  shape,
  allowed,
  rowsMayBeBlind,
}: {
  scores: tf.Tensor;
  shape: [number, number, number, number];
  allowed: tf.Tensor | null;
  rowsMayBeBlind: boolean;
}): tf.Tensor {
  if (!allowed) {
    return tf.softmax(scores);
  }
  const bias = tf.mul(tf.sub(1, allowed), maskedScore);
  const probabilities = tf.softmax(tf.add(tf.reshape(scores, shape), bias));
  const cleared = rowsMayBeBlind ? tf.mul(probabilities, tf.max(allowed, -1, true)) : probabilities;
  return tf.reshape(cleared, scores.shape);
}

/** `[batch, time, keyValueHeads·group·headWidth]` → `[batch·keyValueHeads, group·time, headWidth]`. */
function splitHeads(tensor: tf.Tensor3D, keyValueHeads: number, group: number): tf.Tensor3D {
  const [batch, time, width] = tensor.shape;
  const heads = keyValueHeads * group;
  const headWidth = width / heads;
  return tf.reshape(tf.transpose(tf.reshape(tensor, [batch, time, heads, headWidth]), [0, 2, 1, 3]), [
    batch * keyValueHeads,
    group * time,
    headWidth,
  ]);
}

/** The inverse of {@link splitHeads}. */
function mergeHeads(tensor: tf.Tensor3D, batch: number, keyValueHeads: number, group: number): tf.Tensor3D {
  const [, stacked, headWidth] = tensor.shape;
  const time = stacked / group;
  const heads = keyValueHeads * group;
  return tf.reshape(tf.transpose(tf.reshape(tensor, [batch, heads, time, headWidth]), [0, 2, 1, 3]), [
    batch,
    time,
    heads * headWidth,
  ]);
}

/** Float32 mask, 1 for visible keys, broadcastable to `[batch, heads, queryTime, keyTime]`; null if all are visible. */
function allowedKeys({
  batch,
  queryTime,
  keyTime,
  causal,
  mask,
}: {
  batch: number;
  queryTime: number;
  keyTime: number;
  causal: boolean;
  mask: tf.Tensor | null;
}): tf.Tensor | null {
  let allowed: tf.Tensor | null = null;
  if (causal && queryTime > 1) {
    const last = tf.add(tf.range(0, queryTime, 1, 'int32'), tf.scalar(keyTime - queryTime, 'int32'));
    allowed = tf.cast(
      tf.lessEqual(tf.reshape(tf.range(0, keyTime, 1, 'int32'), [1, keyTime]), tf.reshape(last, [queryTime, 1])),
      'float32',
    );
  }
  if (mask) {
    const visible = tf.cast(tf.notEqual(mask, tf.scalar(0, 'int32')), 'float32');
    const spread = tf.reshape(
      visible,
      mask.shape.length === 3 ? [batch, 1, queryTime, keyTime] : [batch, 1, 1, keyTime],
    );
    allowed = allowed ? tf.mul(allowed, spread) : spread;
  }
  return allowed;
}
