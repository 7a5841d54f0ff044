import { generateSudoku } from '@subtext/data';
import { Reasoner } from '@subtext/reasoner';
import { tf, useEngine } from '@subtext/tensor';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { trainRun } from '../run/train-run';
import { recurrence, type RecurrencePart } from './recurrence';

let folder: string;
beforeAll(async () => {
  await useEngine({ engine: 'wasm' });
  folder = await mkdtemp(join(tmpdir(), 'subtext-recurrence-'));
});
afterAll(async () => rm(folder, { recursive: true }));

/** Two examples of two cells and an end each, over four tokens: 0 and 1 are answers, 2 is `more`, 3 `stop`. */
const part: RecurrencePart = { more: 2, stop: 3, stateRows: Int32Array.of(2, 5), exampleWeight: 1 / 2 };
const inputs = {
  rows: 2,
  time: 3,
  ids: new Int32Array(6),
  lossRows: Int32Array.of(0, 1, 3, 4),
  lossLabels: Int32Array.of(0, 1, 0, 0),
  lossWeight: 1 / 4,
};
/** States that are their own logits: the first example is right, the second is not. */
const states = (told: number) =>
  tf.tensor2d([
    [2, 0, 0, 0],
    [0, 2, 0, 0],
    [0, 0, 0, told],
    [2, 0, 0, 0],
    [0, 2, 0, 0],
    [0, 0, 0, told],
  ]);

async function lossOf(options: { supervision: 'every' | 'last'; haltingWeight: number }, ...given: tf.Tensor2D[]) {
  const objective = await recurrence.create({ options, model: undefined as never });
  const forward = {
    inputs,
    states: given.at(-1)!,
    layers: [],
    recurrences: given,
    logits: (rows: tf.Tensor2D) => rows,
    run: () => forward,
  };
  return objective.loss({ forward, part });
}

it('is the mean over recurrences of the answer, and of telling whether it is right', async () => {
  const [right, wrong] = [Math.log(Math.E ** 2 + 3) - 2, Math.log(Math.E ** 2 + 3)];
  const answer = (3 * right + wrong) / 4;
  const halting = (told: number) => (Math.log(1 + Math.exp(-told)) + Math.log(1 + Math.exp(told))) / 2;
  const every = await lossOf({ supervision: 'every', haltingWeight: 0.5 }, states(1), states(3));
  expect(every.parts!.answerLoss!.dataSync()[0]).toBeCloseTo(answer, 5);
  expect(every.parts!.haltingLoss!.dataSync()[0]).toBeCloseTo((halting(1) + halting(3)) / 2, 5);
  expect(every.terms[1]!.dataSync()[0]).toBeCloseTo((halting(1) + halting(3)) / 4, 5);
  expect(every.metrics!.rightShare!.dataSync()[0]).toBeCloseTo(0.5);
  const last = await lossOf({ supervision: 'last', haltingWeight: 1 }, states(1), states(3));
  expect(last.parts!.haltingLoss!.dataSync()[0]).toBeCloseTo(halting(3), 5);
  expect((await lossOf({ supervision: 'every', haltingWeight: 0 }, states(1))).terms).toHaveLength(1);
});

it('has the gradient of finite differences, none through whether an answer is right', async () => {
  const objective = await recurrence.create({
    options: { supervision: 'every', haltingWeight: 0.7 },
    model: undefined as never,
  });
  const compute = (given: tf.Tensor) => {
    const rows = given as tf.Tensor2D;
    const forward = {
      inputs,
      states: rows,
      layers: [],
      recurrences: [rows],
      logits: (one: tf.Tensor2D) => one,
      run: () => forward,
    };
    return tf.addN([...objective.loss({ forward, part }).terms]);
  };
  const at = states(0.5);
  const values = at.dataSync();
  const gradient = tf.grad(compute)(at).dataSync();
  for (const place of [0, 1, 5, 10, 11, 12, 22, 23]) {
    const [above, below] = [1e-2, -1e-2].map((change) => {
      const moved = values.slice();
      moved[place]! += change;
      return compute(tf.tensor2d(moved, [6, 4])).dataSync()[0]!;
    });
    expect(Math.abs(gradient[place]! - (above! - below!) / 2e-2), `${place}`).toBeLessThan(2e-3);
  }
});

it('trains a reasoner that fills in Sudokus which it has not seen', async () => {
  const few = { fewestClues: 10, mostClues: 12 };
  const { reasoner: trained } = await trainRun({
    folder: join(folder, 'run'),
    identity: { fingerprint: 'run' },
    examples: [...generateSudoku({ count: 400, seed: 1, ...few })],
    method: { name: 'recurrent', recurrences: 4, gradientSteps: 2 },
    model: {
      new: {
        model_type: 'subtext_recurrent',
        hidden_size: 32,
        intermediate_size: 64,
        num_core_layers: 1,
        num_coda_layers: 0,
        max_position_embeddings: 18,
        initializer_range: 0.15,
      },
    },
    training: { batchSize: 32, shards: 1, learningRate: 0.005, warmupSteps: 10, encode: { steps: 120 } },
    workers: 0,
    seed: 3,
  });
  const reasoner = await Reasoner.load({ folder: trained });
  const asked = [...generateSudoku({ count: 100, seed: 2, ...few })];
  const answers = await reasoner.think({ questions: asked, recurrences: 6 });
  const flags = answers.flatMap(({ answer }, row) => {
    const truth = asked[row]!.answer.split(' ');
    return answer!.split(' ').map((cell, place) => cell === truth[place]);
  });
  // 10 to 12 of 16 cells are given, and of what is left a quarter is right by chance: 77 %.
  expect(flags.filter(Boolean).length / flags.length).toBeGreaterThan(0.85);
  reasoner.dispose();
}, 300_000);
