import { collateExplanations, stateRow } from '@subtext/decoder';
import { createModel, saveModel } from '@subtext/model';
import { collateLayouts, type Layout, type ReasonerBatch } from '@subtext/reasoner';
import { tf, useEngine } from '@subtext/tensor';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { ExplanationOptions } from './explanation';
import { createProgram, type ProgramOptions } from '../program/program';
import type { Shard } from '../sources/source';

const config = {
  model_type: 'llama',
  hidden_size: 16,
  intermediate_size: 32,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 2,
  vocab_size: 12,
  max_position_embeddings: 32,
  tie_word_embeddings: true,
  initializer_range: 0.2,
};
const SLOT = 11;
const THOUGHT = 10;
const END = 1;

let folder: string;
beforeAll(async () => {
  await useEngine({ engine: 'wasm' });
  folder = await mkdtemp(join(tmpdir(), 'subtext-joint-'));
  for (const [name, seed] of [
    ['reasoner', 1],
    ['interpreter', 2],
  ] as const) {
    const model = createModel({ config, seed });
    await saveModel({ model, folder: join(folder, name) });
    model.dispose();
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The prompt `[a, b]`, one thinking token, an answer that is no help; the interpreter must tell `b`, which it never sees. */
function batchOf(pairs: readonly (readonly [number, number])[]): Shard<ReasonerBatch> {
  const layouts: Layout[] = pairs.map(([a, b]) => ({
    ids: [0, a, b, THOUGHT, END],
    labels: [-100, -100, -100, THOUGHT, END],
    promptLength: 3,
    thoughts: [{ stage: 'caption', index: 0, position: 3, kind: 'token' }],
  }));
  const reasoner = collateLayouts({ layouts, padId: END, lossWeight: 1 / (2 * pairs.length) });
  const explanations = collateExplanations({
    interpreter: 0,
    padId: END,
    lossWeight: 1 / (2 * pairs.length),
    items: layouts.map((layout, row) => ({
      layout: {
        ids: [0, SLOT, pairs[row]![1], END],
        labels: [-100, -100, pairs[row]![1], END],
        promptLength: 2,
        slots: [1],
      },
      stateRows: [stateRow({ row, time: reasoner.time, thought: layout.thoughts[0]!, reading: 'before' })],
    })),
  });
  return { inputs: reasoner, parts: { explanation: [explanations] } };
}

/** `joint`: with the reasoner. `after`: on a reasoner that stays as it is. */
function options(mode: 'joint' | 'after'): ProgramOptions {
  const explanation: ExplanationOptions = {
    interpreters: [
      {
        name: 'shared',
        stages: ['caption'],
        model: { kind: 'folder', folder: join(folder, 'interpreter') },
        projector: { inputWidth: 16, kind: 'mlp', outputDeviation: 0.2, seed: 3 },
      },
    ],
  };
  return {
    model: { kind: 'folder', folder: join(folder, 'reasoner') },
    frozen: mode === 'after' ? ['.'] : [],
    objectives: [...(mode === 'joint' ? [{ name: 'next-token' }] : []), { name: 'explanation', options: explanation }],
  };
}

const pairs = Array.from(
  { length: 24 },
  (_, index) => [2 + (index % 7), 2 + ((Math.floor(index / 7) + index * 3) % 7)] as const,
);

describe('interpreters and their reasoner', () => {
  it('lets the interpreter’s loss reach the reasoner through the thought, and only then', async () => {
    for (const mode of ['joint', 'after'] as const) {
      const program = await createProgram(options(mode));
      const variables = program.parameters.map(({ variable }) => variable);
      const { grads } = tf.engine().gradients(
        () =>
          program.loss({
            ...batchOf(pairs),
            inputs: { ...batchOf(pairs).inputs, lossRows: new Int32Array(), lossLabels: new Int32Array() },
          }).loss,
        variables,
        undefined,
        true,
      );
      const reached = program.parameters
        .filter((_, index) => (grads as (tf.Tensor | null)[])[index] !== null)
        .map(({ name }) => name.split('/')[0]);
      expect(reached).toContain('interpreters');
      expect(reached.includes('reasoner')).toBe(mode === 'joint');
      tf.dispose(grads);
    }
  });

  it('learns to write down what only the thought can tell, and keeps no tensor of a step', async () => {
    const program = await createProgram(options('joint'));
    const optimizer = tf.train.adam(0.01);
    const losses: number[] = [];
    const counts: number[] = [];
    for (let step = 0; step < 150; step++) {
      const loss = tf.tidy(
        () =>
          optimizer
            .minimize(
              () =>
                program
                  .loss(batchOf(pairs))
                  .metrics.interpreterLoss!.add(program.loss(batchOf(pairs)).metrics.reasonerLoss!) as tf.Scalar,
              true,
              program.parameters.map(({ variable }) => variable),
            )!
            .dataSync()[0]!,
      );
      losses.push(loss);
      counts.push(tf.memory().numTensors);
    }
    // Without the thought, the token could only be guessed: ln 7 / 2 a predicted token.
    expect(losses[0]!).toBeGreaterThan(1);
    expect(losses.at(-1)!).toBeLessThan(0.1);
    expect(new Set(counts.slice(1)).size).toBe(1);
  });
});
