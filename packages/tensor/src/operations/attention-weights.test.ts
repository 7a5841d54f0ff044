import { attention, attentionWeights, tf, useEngine } from '../index';
import { beforeAll, expect, it } from 'vitest';

beforeAll(async () => void (await useEngine({ engine: 'wasm' })));

it.each([
  { name: 'plain', options: {} },
  { name: 'causal, grouped heads', options: { causal: true, keyValueHeads: 2 } },
  { name: 'a mask, a soft cap, a window', options: { causal: true, softCap: 5, window: 2, masked: true } },
])('attention is its weights times the values: $name', ({ options: { masked = false, ...options } }) => {
  const [batch, time, heads, headWidth] = [2, 5, 4, 3];
  const keyValueHeads = (options as { keyValueHeads?: number }).keyValueHeads ?? heads;
  const random = (width: number, seed: number) =>
    tf.randomNormal([batch, time, width], 0, 1, 'float32', seed) as tf.Tensor3D;
  const query = random(heads * headWidth, 1);
  const [key, value] = [random(keyValueHeads * headWidth, 2), random(keyValueHeads * headWidth, 3)];
  const mask = masked ? tf.tensor2d([1, 1, 1, 1, 1, 0, 1, 1, 1, 1], [batch, time], 'int32') : null;
  const asked = { query, key, heads, keyValueHeads, mask, ...options };
  const weights = attentionWeights(asked);
  expect(weights.shape).toEqual([batch, heads, time, time]);
  const group = heads / keyValueHeads;
  const spread = tf.reshape(
    tf.tile(tf.expandDims(tf.transpose(tf.reshape(value, [batch, time, keyValueHeads, headWidth]), [0, 2, 1, 3]), 2), [
      1,
      1,
      group,
      1,
      1,
    ]),
    [batch, heads, time, headWidth],
  );
  const product = tf.reshape(tf.transpose(tf.matMul(weights, spread), [0, 2, 1, 3]), [batch, time, heads * headWidth]);
  const difference = tf.max(tf.abs(tf.sub(product, attention({ ...asked, value })))).dataSync()[0];
  expect(difference).toBeLessThan(1e-5);
});
