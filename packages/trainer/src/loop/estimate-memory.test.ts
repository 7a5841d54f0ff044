import { createModel } from '@subtext/model';
import { createMethod, type MethodSpecification } from '@subtext/reasoner';
import { tf, useEngine, knownEngines } from '@subtext/tensor';
import { beforeAll, describe, expect, it } from 'vitest';

import { smallContext, stagedExample } from '../../../reasoner/test/small-world';
import { openProgram } from '../../test/open-program';
import type { TrainingProgram } from '../program/training-program';
import { methodObjectives } from '../objectives/method-objectives';
import { reasonerPhases } from '../phases/reasoner-phases';
import { checkMemory, estimateMemory } from './estimate-memory';
import { probeStep } from './probe-step';

beforeAll(async () => {
  await useEngine({ engine: 'wasm' });
});

/** A program of a small model, and a shard of some rows of its first phase. */
async function rowsOf({
  specification,
  rows,
}: {
  specification: MethodSpecification;
  rows: number;
}): Promise<{ peak: number; trainable: number; tensors: number }> {
  const stages = ['summary', 'caption', 'reasoning'];
  const method = createMethod(specification);
  const context = smallContext({ specialTokens: method.specialTokens({ stages }) });
  const model = createModel({
    config: {
      model_type: 'llama',
      vocab_size: context.tokenizer.vocabularySize,
      hidden_size: 32,
      intermediate_size: 64,
      num_hidden_layers: 3,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      max_position_embeddings: 128,
    },
    seed: 1,
  });
  const program = (await openProgram({ model, objectives: methodObjectives({ method }) })) as TrainingProgram;
  const [phase] = method.curriculum({ stages });
  const [first] = reasonerPhases({
    plans: [{ phase: phase!, steps: 1, batchSize: rows, schedule: { learningRate: 0.001, warmupSteps: 0 } }],
    data: { examples: [stagedExample], method, context, seed: 1, shards: 1 },
  });
  const [batch] = await first!.source.batch(0);
  // The first time a model makes tables that it keeps.
  await probeStep({ program, batch });
  const before = tf.memory().numTensors;
  const { peakBytes } = await probeStep({ program, batch });
  const tensors = tf.memory().numTensors - before;
  const trainable = program.parameters.reduce((sum, { variable }) => sum + variable.size, 0);
  model.dispose();
  return { peak: peakBytes, trainable, tensors };
}

// Engines in packages of their own are known once they have been looked for.
beforeAll(() => knownEngines());

describe('the estimate of memory', () => {
  it.each([
    ['a chain in words', { name: 'cot' }],
    ['continuous thoughts', { name: 'coconut', hiddenSteps: 2, textPhase: false }],
    ['a teacher beside it', { name: 'codi', count: 2 }],
  ] as [string, MethodSpecification][])(
    'measures one row and multiplies: within a factor of 1.5 of 16 rows (%s)',
    async (_what, specification) => {
      const one = await rowsOf({ specification, rows: 1 });
      const many = await rowsOf({ specification, rows: 16 });
      const gradients = 4 * one.trainable;
      const estimated = (one.peak - gradients) * 16 + gradients;
      expect(one.peak).toBeGreaterThan(gradients);
      expect(estimated / many.peak).toBeGreaterThan(1 / 1.5);
      expect(estimated / many.peak).toBeLessThan(1.5);
      // Nothing stays of it.
      expect([one.tensors, many.tensors]).toEqual([0, 0]);
    },
  );

  it('counts copies of the model by thread, and gradients by shard', () => {
    const demand = { parameters: 1e6, trainable: 1e6, rows: 4, shards: 2, engine: 'wasm' };
    const alone = estimateMemory({ ...demand, workers: 0 });
    const two = estimateMemory({ ...demand, workers: 2 });
    expect(alone).toMatchObject({ models: 4e6, optimizer: 12e6, gradients: 12e6, engine: 8e6 });
    expect(two).toMatchObject({ models: 12e6, optimizer: 12e6, gradients: 20e6, engine: 8e6 });
    expect(estimateMemory({ ...demand, trainable: 1e4, workers: 0 }).optimizer).toBe(12e4);
  });

  it('refuses what cannot fit, with the numbers and what helps', () => {
    const large = {
      parameters: 494e6,
      trainable: 494e6,
      besides: 494e6,
      rows: 1,
      shards: 2,
      workers: 0,
      engine: 'wasm',
    };
    expect(() => checkMemory({ demand: large, machine: 64 * 2 ** 30 })).toThrow(
      /engine wasm holds at most 3\.8 GiB.*494\.0 M parameters.*adapter.*tensorflow/,
    );
    expect(() => checkMemory({ demand: { ...large, engine: 'tensorflow' }, machine: 8 * 2 ** 30 })).toThrow(
      expect.objectContaining({
        code: 'does-not-fit',
        message: expect.stringMatching(/this machine has 8\.0 GiB/) as string,
      }),
    );
    expect(() =>
      checkMemory({ demand: { ...large, engine: 'tensorflow', trainable: 1e6 }, machine: 16 * 2 ** 30 }),
    ).not.toThrow();
    expect(() =>
      checkMemory({
        demand: { ...large, parameters: 1e4, trainable: 1e4, besides: 0, rows: 1e5, bytesPerRow: 2 ** 20 },
        machine: 64 * 2 ** 30,
      }),
    ).toThrow(/training\.batchSize/);
    expect(() =>
      checkMemory({
        demand: { ...large, parameters: 1e4, trainable: 1e4, besides: 0, workers: 1e6 },
        machine: 64 * 2 ** 30,
      }),
    ).toThrow(/fewer workers/);
  });
});
