import { tf } from '../tensorflow';

interface Shared {
  query: tf.Tensor3D;
  key: tf.Tensor3D;
  value: tf.Tensor3D;
  heads: number;
  keyValueHeads: number;
  scale: number;
}

/** Stands for −∞ in scores: finite, so that a row without a key makes no NaN. */
const hidden = -1e30;

/**
 * Attention from TensorFlow.js's own operations. Query heads that share a key head are stacked along time, so that
 * grouped heads need no copies of key and value: `[batch·keyValueHeads, group·queryTime, headWidth]`.
 */
export function composedAttentionForward({
  causal,
  mask,
  ...options
}: Shared & { causal: boolean; mask: tf.Tensor | null }): { output: tf.Tensor3D; /** `[batch·keyValueHeads, group·queryTime, keyTime]` */ probabilities: tf.Tensor3D } {
  const { query, key, value, heads, keyValueHeads, scale } = options;
  const [batch, queryTime] = query.shape;
  const keyTime = key.shape[1];
  const group = heads / keyValueHeads;
  const split = (tensor: tf.Tensor3D, perGroup: number) => splitHeads(tensor, keyValueHeads, perGroup);
  let scores: tf.Tensor = tf.mul(tf.matMul(split(query, group), split(key, 1), false, true), scale);
  const allowed = allowedKeys({ batch, queryTime, keyTime, causal, mask });
  let probabilities: tf.Tensor;
  if (allowed) {
    scores = tf.reshape(scores, [batch, heads, queryTime, keyTime]);
    // Where nothing may be seen all scores are equal and finite; the product with `allowed` then clears the row.
    scores = tf.add(tf.mul(scores, allowed), tf.mul(tf.sub(1, allowed), hidden));
    probabilities = tf.reshape(tf.mul(tf.softmax(scores), allowed), [batch * keyValueHeads, group * queryTime, keyTime]);
  } else {
    probabilities = tf.softmax(scores);
  }
  const output = mergeHeads(tf.matMul(probabilities, split(value, 1)) as tf.Tensor3D, batch, keyValueHeads, group);
  return { output, probabilities: probabilities as tf.Tensor3D };
}

/** With P the probabilities: `dV = Pᵀ·dO`, `dS = P ∘ (dP − rowsum(dP ∘ P))·scale` where `dP = dO·Vᵀ`, `dQ = dS·K`, `dK = dSᵀ·Q`. */
export function composedAttentionBackward({
  gradient,
  query,
  key,
  value,
  probabilities,
  heads,
  keyValueHeads,
  scale,
}: Shared & { gradient: tf.Tensor3D; probabilities: tf.Tensor3D }): { query: tf.Tensor3D; key: tf.Tensor3D; value: tf.Tensor3D } {
  const batch = query.shape[0];
  const group = heads / keyValueHeads;
  const outputGradient = splitHeads(gradient, keyValueHeads, group);
  const valueGradient = tf.matMul(probabilities, outputGradient, true, false) as tf.Tensor3D;
  const probabilityGradient = tf.matMul(outputGradient, splitHeads(value, keyValueHeads, 1), false, true);
  const weighted = tf.mul(probabilityGradient, probabilities);
  const scoreGradient = tf.mul(tf.sub(weighted, tf.mul(probabilities, tf.sum(weighted, -1, true))), scale);
  return {
    query: mergeHeads(tf.matMul(scoreGradient, splitHeads(key, keyValueHeads, 1)) as tf.Tensor3D, batch, keyValueHeads, group),
    key: mergeHeads(tf.matMul(scoreGradient, splitHeads(query, keyValueHeads, group), true, false) as tf.Tensor3D, batch, keyValueHeads, 1),
    value: mergeHeads(valueGradient, batch, keyValueHeads, 1),
  };
}

/** `[batch, time, keyValueHeads·group·headWidth]` → `[batch·keyValueHeads, group·time, headWidth]`. */
function splitHeads(tensor: tf.Tensor3D, keyValueHeads: number, group: number): tf.Tensor3D {
  const [batch, time, width] = tensor.shape;
  const heads = keyValueHeads * group;
  const headWidth = width / heads;
  return tf.reshape(tf.transpose(tf.reshape(tensor, [batch, time, heads, headWidth]), [0, 2, 1, 3]), [batch * keyValueHeads, group * time, headWidth]);
}

/** The inverse of {@link splitHeads}. */
function mergeHeads(tensor: tf.Tensor3D, batch: number, keyValueHeads: number, group: number): tf.Tensor3D {
  const [, stacked, headWidth] = tensor.shape;
  const time = stacked / group;
  const heads = keyValueHeads * group;
  return tf.reshape(tf.transpose(tf.reshape(tensor, [batch, heads, time, headWidth]), [0, 2, 1, 3]), [batch, time, heads * headWidth]);
}

/** 1 where a key may be seen, float32, broadcastable to `[batch, heads, queryTime, keyTime]`; null if all may. */
function allowedKeys({ batch, queryTime, keyTime, causal, mask }: { batch: number; queryTime: number; keyTime: number; causal: boolean; mask: tf.Tensor | null }): tf.Tensor | null {
  let allowed: tf.Tensor | null = null;
  if (causal && queryTime > 1) {
    const last = tf.add(tf.range(0, queryTime, 1, 'int32'), tf.scalar(keyTime - queryTime, 'int32'));
    allowed = tf.cast(tf.lessEqual(tf.reshape(tf.range(0, keyTime, 1, 'int32'), [1, keyTime]), tf.reshape(last, [queryTime, 1])), 'float32');
  } else if (causal && keyTime < queryTime) {
    allowed = tf.zeros([queryTime, keyTime]);
  }
  if (mask) {
    const visible = tf.cast(tf.notEqual(mask, tf.scalar(0, 'int32')), 'float32');
    const spread = tf.reshape(visible, mask.shape.length === 3 ? [batch, 1, queryTime, keyTime] : [batch, 1, 1, keyTime]);
    allowed = allowed ? tf.mul(allowed, spread) : spread;
  }
  return allowed;
}
