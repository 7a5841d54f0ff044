import { createModel } from '@subtext/model';
import { createMethod, type ReasonerBatch } from '@subtext/reasoner';
import { gatherRows, tf, useEngine } from '@subtext/tensor';
import { expect, it } from 'vitest';

import { smallContext, steppedExample } from '../../../reasoner/test/small-world';
import { openProgram } from '../../test/open-program';
import { reasonerPhases } from '../phases/reasoner-phases';
import type { Shard } from '../sources/source';
import type { ObjectiveDefinition } from './objective';
import { findObjective, registerObjective } from './registry';

/** Draws the last state of each row to a learned vector. */
const anchor: ObjectiveDefinition<{ weight: number }, undefined, { rows: Int32Array }, ReasonerBatch> = {
  name: 'anchor',
  create({ options: { weight }, model }) {
    const point = tf.variable(tf.ones([1, model.dimensions.width]));
    return {
      parameters: [{ name: 'anchor/point', variable: point }],
      loss({ forward, part: { rows } }) {
        const distance = tf.mean(tf.square(tf.sub(gatherRows({ input: forward.states, indices: rows }), point)));
        return { terms: [tf.mul(distance, weight)], parts: { distance: distance as tf.Scalar } };
      },
    };
  },
  parts: ({ batches }) =>
    batches.map(({ rows, time }) => ({ rows: Int32Array.from({ length: rows }, (_, row) => (row + 1) * time - 1) })),
};

it('a registered objective trains with its own parameters on its own part of each batch', async () => {
  await useEngine({ engine: 'cpu' });
  registerObjective(anchor);
  expect(() => registerObjective(anchor)).toThrow(/There is an objective "anchor" already/);
  expect(() => findObjective('anchr')).toThrow(expect.objectContaining({ code: 'invalid-option' }));
  const objectives = [{ name: 'next-token' }, { name: 'anchor', options: { weight: 0.5 } }];
  const method = { ...createMethod({ name: 'cot' }), objectives };
  const context = smallContext();
  const [phase] = method.curriculum({ stages: [] });
  const [first] = reasonerPhases({
    plans: [{ phase: phase!, steps: 1, batchSize: 2, schedule: { learningRate: 0.1 } }],
    data: { examples: [steppedExample], method, context, seed: 1, shards: 1 },
  });
  const [shard] = (await first!.source.batch(0)) as [Shard<ReasonerBatch>];
  const config = {
    model_type: 'gpt2',
    vocab_size: context.tokenizer.vocabularySize,
    n_positions: 64,
    n_embd: 8,
    n_layer: 1,
    n_head: 2,
  };
  const model = createModel({ config, seed: 1 });
  const program = await openProgram({ model, objectives });
  const plain = await openProgram({ model });
  const { loss, metrics } = program.loss(shard);
  const own = plain.loss(shard).loss;
  expect(loss.dataSync()[0]).toBeCloseTo(own.dataSync()[0]! + 0.5 * metrics.distance!.dataSync()[0]!, 5);
  expect(metrics.reasonerLoss!.dataSync()[0]).toBe(own.dataSync()[0]);
  const { grads } = tf.engine().gradients(
    () => program.loss(shard).loss,
    program.parameters.map(({ variable }) => variable),
    undefined,
    true,
  );
  expect(program.parameters.at(-1)!.name).toBe('anchor/point');
  expect(Math.max(...(grads.at(-1)!.dataSync() as Float32Array).map(Math.abs))).toBeGreaterThan(0);
});
