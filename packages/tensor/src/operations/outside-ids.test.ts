import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { cpuEngine } from '../engines/cpu/engine';
import { registerEngine } from '../engines/registry';
import { useEngine } from '../engines/use-engine';
import { OperationError } from '../errors';
import { tf } from '../tensorflow';
import { crossEntropy } from './cross-entropy';
import { embedding } from './embedding';
import { gatherRows } from './gather-rows';
import { scatterRows } from './scatter-rows';

let before = 0;
beforeEach(async () => {
  await useEngine({ engine: 'cpu' });
  before = tf.memory().numTensors;
  tf.engine().startScope();
});
afterEach(() => {
  tf.engine().endScope();
  expect(tf.memory().numTensors).toBe(before);
});

// What every engine does with ids outside is held by the parity suite; here is what else there is to it.

describe('row numbers from the host', () => {
  it.each([NaN, 0.5, -1, 3, Infinity, 2 ** 32])('are refused before they become int32: %s', (index) => {
    const input = tf.ones([3, 2]) as tf.Tensor2D;
    expect(() => gatherRows({ input, indices: [index] })).toThrowError(
      new RegExp(`indices\\[0\\] is ${index}, but input has rows 0 to 2`),
    );
    expect(() => scatterRows({ input, indices: [index], updates: tf.ones([1, 2]) })).toThrowError(OperationError);
  });
});

describe('the ignored label', () => {
  it.each([NaN, 0.5, 2 ** 31, 2 ** 24 + 1])('must be a number that kernels hold: not %s', (ignoreIndex) => {
    expect(() => crossEntropy({ logits: tf.ones([1, 2]), labels: tf.zeros([1], 'int32'), ignoreIndex })).toThrowError(
      /ignoreIndex must be a whole number/,
    );
  });
});

describe('ids that the host cannot see in time', () => {
  beforeEach(() => registerEngine({ ...cpuEngine, memory: { hostIntegers: () => null } }));
  afterEach(() => registerEngine(cpuEngine));

  it('give NaN in their rows alone', () => {
    const table = tf.tensor2d([
      [1, 2],
      [3, 4],
    ]);
    expect([...embedding({ table, ids: tf.tensor1d([1, 2, -1, 0], 'int32') }).dataSync()]).toEqual([
      3,
      4,
      NaN,
      NaN,
      NaN,
      NaN,
      1,
      2,
    ]);
    const labels = tf.tensor1d([0, -100, 2, -1], 'int32');
    const logits = tf.zeros([4, 2]) as tf.Tensor2D;
    const losses = [...crossEntropy({ logits, labels }).dataSync()];
    expect(losses[0]).toBeCloseTo(Math.log(2), 5);
    expect(losses.slice(1)).toEqual([0, NaN, NaN]);
    const slopes = [
      ...tf
        .grad((logits) => tf.sum(crossEntropy({ logits: logits as tf.Tensor2D, labels })))(logits)
        .dataSync(),
    ];
    expect(slopes.map(Number.isNaN)).toEqual([false, false, false, false, true, true, true, true]);
    slopes.slice(0, 4).forEach((slope, index) => expect(slope).toBeCloseTo([-0.5, 0.5, 0, 0][index]!, 6));
  });
});
