import { it, expect } from 'vitest';
import * as t from './index';
it.each(['cpu','wasm'] as const)('smoke %s', async (e) => {
  const { tf } = t;
  const r = new t.RandomStream({ seed: 1 });
  const p = new t.Parameters();
  const n = (shape: number[]) => t.normal({ shape, random: r, standardDeviation: 0.3 });
  p.add({ name: 'emb', value: n([11, 8]) });
  p.add({ name: 'q', value: n([8, 8]) });
  p.add({ name: 'k', value: n([4, 8]) });
  p.add({ name: 'v', value: n([4, 8]) });
  p.add({ name: 's', value: n([8]) });
  p.add({ name: 'b', value: n([8]) });
  p.add({ name: 'up', value: n([8, 16]) });
  const adam = new t.AdamW({ parameters: p, learningRate: 1e-2 });
  const ids = tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3], 'int32');
  const labels = tf.tensor1d([2, 3, -100, 5, 6, 7], 'int32');
  let first = 0, last = 0; let count = 0;
  for (let i = 0; i < 30; i++) {
    const { value, gradients } = t.valueAndGradients({ parameters: p, compute: () => {
      let x = t.embedding({ table: p.get('emb'), ids }) as any;
      x = t.layerNorm({ input: x, scale: p.get('s'), bias: p.get('b') });
      const q = t.linear({ input: x, weight: p.get('q') as any, bias: p.get('b') as any, activation: 'gelu' }) as any;
      const k = t.linear({ input: x, weight: p.get('k') as any }) as any;
      const v = t.linear({ input: x, weight: p.get('v') as any }) as any;
      let a = t.attention({ query: q, key: k, value: v, heads: 4, keyValueHeads: 2, causal: true }) as any;
      a = t.rmsNorm({ input: tf.add(a, x), scale: p.get('s') as any });
      const up = t.linear({ input: a, weight: p.get('up') as any, layout: 'in-out' }) as any;
      const [g, u] = tf.split(up, 2, 2) as any;
      const h = t.gatedActivation({ gate: g, up: u, activation: 'silu' }) as any;
      const flat = tf.reshape(h, [6, 8]) as any;
      const logits = t.linear({ input: flat, weight: p.get('emb') as any }) as any;
      return tf.mean(t.crossEntropy({ logits, labels }));
    } });
    last = value.dataSync()[0]!; if (i === 0) first = last;
    const norm = t.globalNorm(gradients);
    adam.step({ gradients, gradientScale: t.clippingScale({ norm, maximumNorm: 1 }) });
    tf.dispose([value, gradients]);
    if (i === 1) count = tf.memory().numTensors;
    if (i > 1) expect(tf.memory().numTensors).toBe(count);
  }
  expect(last).toBeLessThan(first * 0.7);
});
