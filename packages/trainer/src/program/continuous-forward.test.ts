import { loadModel, type LanguageModel } from '@subtext/model';
import { collateLayouts, countPredicted, type ReasonerBatch, type Layout, continuousForward } from '@subtext/reasoner';
import { openSafetensors } from '@subtext/safetensors';
import { describeEngines, gatherRows, tf, useEngine, valueAndGradients } from '@subtext/tensor';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { openProgram, shardOf } from '../../test/open-program';
import type { TrainingProgram } from './training-program';
import type { Shard } from '../sources/source';

/** What facebookresearch/coconut computes with packages/model's small GPT-2: tooling/parity/make_coconut_fixtures.py. */
const recordedFolder = fileURLToPath(new URL('../../../reasoner/fixtures/coconut-gpt2/', import.meta.url));
const modelFolder = fileURLToPath(new URL('../../../model/fixtures/golden/gpt2/', import.meta.url));

interface Case {
  sequences: number[][];
  labels: number[][];
  latentId: number;
  padId: number;
  offsets: number[];
}

function toLayouts({ sequences, labels, latentId }: Case): Layout[] {
  return sequences.map((ids, row) => ({
    ids,
    labels: labels[row]!,
    promptLength: 0,
    thoughts: ids.flatMap((id, position) =>
      id === latentId ? [{ stage: 'step_1', index: 0, position, kind: 'continuous' as const }] : [],
    ),
  }));
}

function largestDifference(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (found.length !== expected.length) return NaN;
  return Array.from(found).reduce((largest, value, index) => Math.max(largest, Math.abs(value - expected[index]!)), 0);
}

const present = (await describeEngines())
  .filter(({ loads, device }) => loads && !device?.software)
  .map(({ name }) => name);

describe.each(present)('continuous thoughts on %s', (engine) => {
  let model: LanguageModel;
  let recorded: Map<string, { shape: readonly number[]; values: Float32Array }>;
  let batch: ReasonerBatch & { continuous: NonNullable<ReasonerBatch['continuous']> };
  let layouts: Layout[];
  let program: TrainingProgram<Shard>;
  let offsets: number[];

  beforeAll(async () => {
    await useEngine({ engine });
    model = await loadModel({ folder: modelFolder });
    program = await openProgram({ model });
    const file = await openSafetensors({ path: `${recordedFolder}golden.safetensors` });
    recorded = new Map();
    for (const name of file.names)
      recorded.set(name, { shape: file.entry(name).shape, values: await file.readFloat32(name) });
    await file.close();
    const read = JSON.parse(await readFile(`${recordedFolder}case.json`, 'utf8')) as Case;
    offsets = read.offsets;
    layouts = toLayouts(read);
    const lossWeight = 1 / layouts.reduce((sum, layout) => sum + countPredicted(layout), 0);
    batch = collateLayouts({ layouts, padId: read.padId, lossWeight }) as typeof batch;
  });
  afterAll(() => model.dispose());

  it('moves the rows as the reference does', () => {
    expect([...batch.continuous.offsets]).toEqual(offsets);
    expect(batch.time).toBe(recorded.get('logits')!.shape[1]);
  });

  it('gives the loss, the logits and the final inputs of the reference', () => {
    tf.tidy(() => {
      const { loss } = program.loss(shardOf(batch));
      expect(Math.abs(loss.dataSync()[0]! - recorded.get('loss')!.values[0]!)).toBeLessThan(1e-4);
      const { states, inputs } = continuousForward({ model, batch });
      const logits = model.logits(states).dataSync();
      const fed = inputs().dataSync();
      const { time } = batch;
      const { vocabularySize, width } = model.dimensions;
      const expectedLogits = recorded.get('logits')!;
      const columns = expectedLogits.shape[2]!;
      for (const [row, { ids }] of layouts.entries()) {
        for (let position = 0; position < ids.length; position++) {
          const at = row * time + offsets[row]! + position;
          const own = logits.subarray(
            (row * time + position) * vocabularySize,
            (row * time + position + 1) * vocabularySize,
          );
          expect(
            largestDifference(
              own.filter((_, column) => column % 9 === 0),
              expectedLogits.values.subarray(at * columns, (at + 1) * columns),
            ),
          ).toBeLessThan(1e-4);
          expect(
            largestDifference(
              fed.subarray(at * width, (at + 1) * width),
              recorded.get('inputs_embeds')!.values.subarray(at * width, (at + 1) * width),
            ),
          ).toBeLessThan(1e-4);
        }
      }
    });
  });

  it('gives keys and values of every layer, in the rows of the states, as one pass over the same inputs does', () => {
    tf.tidy(() => {
      const { inputs, keysAndValues } = continuousForward({ model, batch, outputKeysAndValues: true });
      const { layers, width } = model.dimensions;
      expect(keysAndValues).toHaveLength(layers);
      for (const [row, { ids }] of layouts.entries()) {
        const cache = model.newGrowingCache();
        model.forward({
          embeddings: tf.slice(inputs(), [row, offsets[row]!, 0], [1, ids.length, width]) as tf.Tensor3D,
          cache,
        });
        for (const [layer, found] of keysAndValues!.entries()) {
          const past = cache.layer(layer).grown!.past!;
          for (const name of ['key', 'value'] as const) {
            const own = tf.slice(found[name], [row * batch.time, 0], [ids.length, width]);
            expect(largestDifference(own.dataSync(), past[name].dataSync())).toBeLessThan(1e-4);
          }
        }
      }
    });
  });

  it('gives the gradients of the reference, through every thought', () => {
    const before = tf.memory().numTensors;
    const { value, gradients } = valueAndGradients({
      compute: () => program.loss(shardOf(batch)).loss,
      parameters: model.parameters,
    });
    const every = (values: Float32Array, width: number, rows: number) =>
      values.filter((_, index) => Math.floor(index / width) % rows === 0);
    for (const [name, parameter, rows] of [
      ['grad.h0.c_attn', 'transformer.h.0.attn.c_attn.weight', 8],
      ['grad.h2.mlp.c_proj', 'transformer.h.2.mlp.c_proj.weight', 8],
      ['grad.wte', 'transformer.wte.weight', 8],
      ['grad.wpe', 'transformer.wpe.weight', 1],
      ['grad.ln_f', 'transformer.ln_f.weight', 1],
    ] as const) {
      const gradient = gradients[parameter]!;
      const found = every(gradient.dataSync() as Float32Array, gradient.shape.at(-1)!, rows);
      expect(largestDifference(found, recorded.get(name)!.values), name).toBeLessThan(1e-4);
    }
    tf.dispose([value, gradients]);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('gives the same states and gradients where only some are needed', () => {
    // The row without thoughts has its loss among the columns before the others' first thought.
    const thoughtful = layouts.filter(({ thoughts }) => thoughts.length > 0);
    for (const rows of [layouts, thoughtful]) {
      const some = collateLayouts({ layouts: rows, padId: 0, lossWeight: 1 }) as typeof batch;
      const needed = [some.lossRows, some.thoughts!.rows];
      const [whole, part] = [{}, { needed }].map((options) =>
        valueAndGradients({
          compute: () => {
            const { states } = continuousForward({ model, batch: some, ...options });
            const squares = needed.map((indices) => tf.sum(tf.square(gatherRows({ input: states, indices }))));
            return tf.add(squares[0]!, squares[1]!) as tf.Scalar;
          },
          parameters: model.parameters,
        }),
      );
      expect(part!.value.dataSync()[0]! / whole!.value.dataSync()[0]!).toBeCloseTo(1, 5);
      for (const [name, gradient] of Object.entries(whole!.gradients)) {
        const scale = tf.tidy(() => tf.max(tf.abs(gradient)).dataSync()[0]!);
        expect(largestDifference(part!.gradients[name]!.dataSync(), gradient.dataSync()), name).toBeLessThan(
          1e-5 * Math.max(1, scale),
        );
      }
      tf.dispose([whole, part] as unknown as tf.TensorContainer);
    }
  });

  it('gives each row what it gives alone', () => {
    const alone = layouts.map((layout) => {
      const single = collateLayouts({ layouts: [layout], padId: 0, lossWeight: batch.lossWeight });
      return tf.tidy(() => program.loss(shardOf(single)).loss.dataSync()[0]!);
    });
    const together = tf.tidy(() => program.loss(shardOf(batch)).loss.dataSync()[0]!);
    expect(alone.reduce((sum, loss) => sum + loss, 0)).toBeCloseTo(together, 4);
  });

  it('refuses thoughts with a gap, and a thought with nothing before it', () => {
    const thought = (position: number) => ({ stage: 'a', index: 0, position, kind: 'continuous' as const });
    for (const thoughts of [[thought(1), thought(3)], [thought(0)]]) {
      expect(() =>
        collateLayouts({
          layouts: [{ ids: [1, 2, 3, 4], labels: [1, 2, 3, 4], promptLength: 0, thoughts }],
          padId: 0,
          lossWeight: 1,
        }),
      ).toThrow(/one after the other/);
    }
  });
});
