import type { LanguageModel } from '@subtext/model';
import { FeedbackMap, type ReasonerBatch } from '@subtext/reasoner';
import { tf, useEngine } from '@subtext/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { LaidOutExample } from '../sources/laid-out-examples';
import { compressedLatents, type CompressedLatentsOptions, type CompressedLatentsPart } from './compressed-latents';
import type { PartsOptions } from './objective';

const width = 3;
const table = [
  [0.5, -1, 2],
  [1.5, 0.25, -0.5],
  [-2, 1, 0.75],
  [0.1, 0.9, -1.2],
];
/** All that the objective asks of a model. */
const model = {
  dimensions: { width, vocabularySize: table.length },
  embed: (ids: tf.Tensor2D) => tf.gather(tf.tensor2d(table), ids),
} as unknown as LanguageModel;
/** Two thoughts: tokens 0 and 1 over √2, and token 3. */
const inputs = {
  inputs: {
    mixtures: {
      places: Int32Array.of(1, 3),
      count: 2,
      ids: Int32Array.of(0, 1, 3, 0),
      weights: Float32Array.of(Math.SQRT1_2, Math.SQRT1_2, 1, 0),
    },
  },
} as ReasonerBatch;
const part: CompressedLatentsPart = { rows: Int32Array.of(0, 2), latentWeight: 1 / 2 };
const states = [
  [0.3, -0.8, 1.1],
  [9, 9, 9],
  [-0.6, 0.2, 0.4],
  [9, 9, 9],
];

let head: FeedbackMap;
beforeAll(async () => {
  await useEngine({ engine: 'cpu' });
  head = FeedbackMap.createHead({ model, seed: 5 });
  // Biases that are drawn as 0 count too.
  for (const [name, variable] of head.parameters.entries())
    if (name.endsWith('bias')) variable.assign(tf.randomNormal(variable.shape, 0, 0.3, 'float32', name.length));
});
afterAll(() => head.dispose());

async function lossOf(options: CompressedLatentsOptions) {
  const objective = await compressedLatents.create({ options, model, feedback: head });
  return (rows: tf.Tensor2D) => {
    const forward = { inputs, states: rows, layers: [], logits: () => rows, run: () => forward };
    return objective.loss({ forward, part });
  };
}

/** The two targets and what the head predicts of them, in units of the embeddings' root mean square. */
function predicted() {
  const scale = Math.sqrt(table.flat().reduce((sum, value) => sum + value ** 2, 0) / (table.length * width));
  const targets = [table[0]!.map((value, unit) => (value + table[1]![unit]!) * Math.SQRT1_2), table[3]!];
  return [states[0]!, states[2]!].map((state, thought) => {
    const { mean, deviation } = head.predict(tf.tensor2d([state]));
    const [means, deviations] = [mean, deviation].map((tensor) => [...tensor.dataSync()]);
    return targets[thought]!.map((value, unit) => ({
      error: (value / scale - means![unit]!) ** 2,
      deviation: deviations![unit]!,
    }));
  });
}

describe('the latent head’s loss', () => {
  it.each(['mse', 'nll'] as const)('is that of its distribution of the thoughts, weighted: %s', async (loss) => {
    const compute = await lossOf({ loss, weight: 3 });
    const { terms, parts, metrics } = compute(tf.tensor2d(states));
    const numbers = predicted().flat();
    const mean = (of: (number: (typeof numbers)[number]) => number) =>
      numbers.reduce((sum, number) => sum + of(number), 0) / numbers.length;
    const likelihood = mean(({ error, deviation }) => error / (2 * deviation ** 2) + Math.log(deviation));
    const error = mean((number) => number.error);
    const expected = likelihood + (loss === 'mse' ? error / 2 : 0);
    expect(parts!.latentLoss!.dataSync()[0]).toBeCloseTo(expected, 5);
    expect(terms[0]!.dataSync()[0]).toBeCloseTo(3 * expected, 4);
    expect(metrics!.latentError!.dataSync()[0]).toBeCloseTo(error, 5);
  });

  it('has the gradient of its likelihood, by finite differences', async () => {
    const compute = await lossOf({ loss: 'nll', weight: 1 });
    const value = (rows: tf.Tensor2D) => compute(rows).terms[0]!;
    const gradient = tf
      .grad((rows) => value(rows as tf.Tensor2D))(tf.tensor2d(states))
      .dataSync();
    const step = 1e-2;
    for (const [index, own] of gradient.entries()) {
      const moved = (by: number) => {
        const rows = states.map((row) => [...row]);
        rows[Math.floor(index / width)]![index % width]! += by;
        return value(tf.tensor2d(rows)).dataSync()[0]!;
      };
      expect(Math.abs((moved(step) - moved(-step)) / (2 * step) - own)).toBeLessThan(2e-3);
    }
    expect([...gradient.slice(3, 6)]).toEqual([0, 0, 0]);
  });

  it('moves the mean by its squared error alone, whatever the deviation (mse)', async () => {
    const compute = await lossOf({ loss: 'mse', weight: 1 });
    const of = head.parameters.get('mean.bias');
    const { grads } = tf.variableGrads(() => compute(tf.tensor2d(states)).terms[0]!, [of]);
    const [gradient] = Object.values(grads).map((found) => [...found.dataSync()]);
    const scale = Math.sqrt(table.flat().reduce((sum, value) => sum + value ** 2, 0) / (table.length * width));
    const targets = [table[0]!.map((value, unit) => (value + table[1]![unit]!) * Math.SQRT1_2), table[3]!];
    for (let unit = 0; unit < width; unit++) {
      const expected = [states[0]!, states[2]!].reduce((sum, state, thought) => {
        const mean = head.predict(tf.tensor2d([state])).mean.dataSync()[unit]!;
        return sum + (mean - targets[thought]![unit]! / scale) / (2 * width);
      }, 0);
      expect(gradient![unit]).toBeCloseTo(expected, 5);
    }
  });
});

it('finds what is to be predicted in the layouts, counted over all shards', async () => {
  const item = (...positions: number[]): LaidOutExample => ({
    example: { id: '', question: '', steps: [], answer: '' },
    layout: {
      ids: [],
      labels: [],
      promptLength: 0,
      thoughts: [],
      inputs: positions.map((position) => ({ position, ids: [1], weights: [1] })),
    },
  });
  const [first, second, none] = await compressedLatents.parts!({
    shards: [[item(1, 2), item(2)], [item(3)], [item()]],
    batches: [{ time: 7 }, { time: 5 }, { time: 4 }],
  } as unknown as PartsOptions<undefined>);
  expect([...first!.rows]).toEqual([0, 1, 8]);
  expect([...second!.rows]).toEqual([2]);
  expect(first!.latentWeight).toBeCloseTo(1 / 4);
  expect(none).toBeUndefined();
});

it('refuses a model without a latent head', () => {
  expect(() => compressedLatents.create({ options: { loss: 'mse', weight: 1 }, model })).toThrow(/has not.*"colar"/);
});
