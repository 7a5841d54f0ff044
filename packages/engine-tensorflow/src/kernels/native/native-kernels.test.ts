import { beforeAll, describe, expect, it } from 'vitest';
import {
  crossEntropy,
  describeEngines,
  embedding,
  fusedKernels,
  Parameters,
  AdamW,
  tf,
  useEngine,
} from '@subtext/tensor';

// Right numbers are the parity suite's concern; here is what else the kernels promise. Only where they are compiled.
const installed = (await describeEngines()).some(({ name, loads }) => name === 'tensorflow' && loads);
if (installed) await useEngine({ engine: 'tensorflow' });
const present = installed && fusedKernels().decoderBlock !== undefined;

describe.skipIf(!present)('kernels of our own on libtensorflow', () => {
  beforeAll(async () => {
    await useEngine({ engine: 'tensorflow' });
  });

  it('name an id or a label that lies outside', () => {
    tf.tidy(() => {
      const table = tf.ones<tf.Rank.R2>([4, 3]);
      expect(() => embedding({ table, ids: tf.tensor1d([0, 4], 'int32') })).toThrow(
        /The id 4 at place 1 lies outside 0 to 3/,
      );
      expect(() => embedding({ table, ids: tf.tensor1d([-1], 'int32') })).toThrow(/The id -1 at place 0/);
      expect(() => crossEntropy({ logits: table, labels: tf.tensor1d([0, -100, 3, 2], 'int32') })).toThrow(
        /The label 3 at place 2 lies outside 0 to 2/,
      );
    });
  });

  it('pass on what is no number, in its row alone', () => {
    tf.tidy(() => {
      const logits = tf.tensor2d([
        [1, NaN, 2],
        [1, 2, 3],
      ]);
      const losses = crossEntropy({ logits, labels: tf.tensor1d([0, 2], 'int32') }).dataSync();
      expect(losses[0]).toBeNaN();
      expect(losses[1]).toBeCloseTo(0.4076, 4);
    });
  });

  it('update variables in place, but never what they were made from', () => {
    const source = new Float32Array(64).fill(1);
    const parameters = new Parameters();
    const shaped = tf.reshape(tf.tensor1d(source), [8, 8]);
    const view = tf.reshape(shaped, [64]);
    parameters.add({ name: 'weight', value: shaped });
    const optimizer = new AdamW({ parameters, learningRate: 0.1, weightDecay: 0 });
    const gradient = tf.ones([8, 8]);
    optimizer.step({ gradients: { weight: gradient } });
    expect(parameters.get('weight').dataSync()[0]).toBeCloseTo(0.9, 4);
    expect(view.dataSync()[0]).toBe(1);
    expect(source[0]).toBe(1);
    const before = tf.memory().numTensors;
    optimizer.step({ gradients: { weight: gradient } });
    expect(parameters.get('weight').dataSync()[0]).toBeCloseTo(0.8, 4);
    expect(tf.memory().numTensors).toBe(before);
    optimizer.dispose();
    parameters.dispose();
    tf.dispose([view, gradient]);
  });
});
