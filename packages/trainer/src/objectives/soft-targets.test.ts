import type { SoftTargets } from '@subtext/reasoner';
import { tf, useEngine } from '@subtext/tensor';
import { beforeAll, expect, it } from 'vitest';

import { smallContext } from '../../../reasoner/test/small-world';
import type { LaidOutExample, ReasonerData } from '../sources/laid-out-examples';
import type { PartsOptions } from './objective';
import { softTargets, type SoftTargetsPart } from './soft-targets';

beforeAll(() => useEngine({ engine: 'cpu' }));

const part: SoftTargetsPart = {
  rows: Int32Array.of(0, 2),
  starts: Int32Array.of(0, 2, 3),
  ids: Int32Array.of(0, 1, 2),
  shares: Float32Array.of(0.25, 0.75, 1),
  targetWeight: 1 / 2,
};

/** The loss of states that are their own logits. */
async function lossOf(states: tf.Tensor2D): Promise<tf.Scalar> {
  const objective = await softTargets.create({ options: { weight: 3 }, model: undefined as never });
  const forward = { inputs: undefined, states, layers: [], logits: (rows: tf.Tensor2D) => rows, run: () => forward };
  return objective.loss({ forward, part }).terms[0]!;
}

it('is the weighted mean distance of what states predict from what they should, 0 where they do', async () => {
  const states = tf.tensor2d([
    [0, 0, 0],
    [9, 9, 9],
    [0, 0, 1],
  ]);
  const first = 0.25 * Math.log(0.25 * 3) + 0.75 * Math.log(0.75 * 3);
  const second = Math.log(2 + Math.E) - 1;
  expect((await lossOf(states)).dataSync()[0]).toBeCloseTo(3 * ((first + second) / 2), 5);
  const right = tf.tensor2d([
    [Math.log(0.25), Math.log(0.75), -40],
    [0, 0, 0],
    [-40, -40, 0],
  ]);
  expect((await lossOf(right)).dataSync()[0]).toBeCloseTo(0, 5);
});

it('has the gradient probabilities − shares', async () => {
  const objective = await softTargets.create({ options: { weight: 1 }, model: undefined as never });
  const gradient = tf.grad((states) => {
    const forward = {
      inputs: undefined,
      states: states as tf.Tensor2D,
      layers: [],
      logits: (rows: tf.Tensor2D) => rows,
      run: () => forward,
    };
    return objective.loss({ forward, part }).terms[0]!;
  })(tf.zeros([3, 3]));
  const expected = [1 / 3 - 0.25, 1 / 3 - 0.75, 1 / 3, 0, 0, 0, 1 / 3, 1 / 3, 1 / 3 - 1].map((value) => value / 2);
  for (const [index, value] of (gradient.dataSync() as Float32Array).entries())
    expect(value).toBeCloseTo(expected[index]!, 5);
});

it('finds its targets in the layouts, counted over all shards', async () => {
  const context = smallContext();
  const item = (position: number): LaidOutExample => {
    const wanted: SoftTargets = { targets: [{ position, ids: [4, 5], weights: [0.5, 0.5] }] };
    return {
      example: { id: '', question: '', steps: [], answer: '' },
      layout: { ids: [], labels: [], promptLength: 0, thoughts: [], parts: { 'soft-targets': wanted } },
    };
  };
  const options = {
    shards: [[item(1), item(2)], [item(3)], []],
    batches: [{ time: 7 }, { time: 5 }, { time: 0 }],
    set: { context } as ReasonerData,
    data: undefined,
    counters: [],
  } as unknown as PartsOptions<undefined>;
  const [first, second, none] = await softTargets.parts!(options);
  expect([...first!.rows]).toEqual([1, 9]);
  expect([...second!.rows]).toEqual([3]);
  expect([...first!.starts]).toEqual([0, 2, 4]);
  expect(first!.targetWeight).toBeCloseTo(1 / 3);
  expect(none).toBeUndefined();
});
