import type { ReasoningExample } from '@subtext/data';
import { createModel, saveModel } from '@subtext/model';
import {
  createMethod,
  measureThoughts,
  type MethodSpecification,
  type ModelSource,
  taggedFormat,
} from '@subtext/reasoner';
import { tf, useEngine } from '@subtext/tensor';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { smallContext, stagedExample } from '../../../reasoner/test/small-world';
import { methodObjectives } from '../objectives/method-objectives';
import { reasonerPhases } from '../phases/reasoner-phases';
import { createProgram as createReasonerProgram } from '../program/program';
import type { TrainingProgram } from '../program/training-program';
import type { ReasonerData } from '../sources/laid-out-examples';
import { train } from './train';
import type { TrainOptions } from './train-options';

let folder: string;
beforeAll(async () => {
  await useEngine({ engine: 'wasm' });
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-reasoner-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const stages = ['summary', 'caption', 'reasoning'];
const colours = ['red', 'blue'];
const examples: ReasoningExample[] = Array.from({ length: 24 }, (_, index) => ({
  ...stagedExample,
  id: `example ${index}`,
  question: `is the cat ${colours[index % 2]} ${index % 10}?`,
  answer: index % 2 === 0 ? 'yes' : 'no',
}));

/** A language model of a few thousand numbers under a method, its phases, and all that `train` takes. */
async function smallRun({
  specification = { name: 'heima' },
  steps = 6,
  heldOut = 0,
  dropout,
  ...options
}: {
  specification?: MethodSpecification;
  steps?: number;
  heldOut?: number;
  dropout?: number;
} & Partial<TrainOptions> & { name?: string } = {}) {
  const method = createMethod(specification);
  const context = smallContext({
    specialTokens: [...method.specialTokens({ stages }), ...taggedFormat.tags({ stages })],
    format: taggedFormat,
  });
  const config = {
    model_type: 'llama',
    vocab_size: context.tokenizer.vocabularySize,
    hidden_size: 16,
    intermediate_size: 16,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    num_key_value_heads: 2,
    max_position_embeddings: 96,
    tie_word_embeddings: true,
  };
  const program = (await createReasonerProgram({
    objectives: methodObjectives({ method }),
    model: dropout === undefined ? { kind: 'new', config, seed: 3 } : await adapted({ config, dropout }),
  })) as TrainingProgram;
  const phases = method.curriculum({ stages });
  const plans = phases.map((phase) => ({ phase, steps, batchSize: 6, schedule: { learningRate: 0.003 } }));
  const data: ReasonerData = { examples: examples.slice(heldOut), method, context, seed: 1, shards: 2 };
  const trained = reasonerPhases({ plans, data, heldOut: examples.slice(0, heldOut) });
  const outcome = () =>
    train({
      folder: join(folder, options.name ?? 'run'),
      source: { module: '', options: {} },
      program,
      phases: trained,
      fingerprint: 'f',
      workers: 0,
      checkpointSteps: 4,
      logSteps: 2,
      ...options,
    });
  return { program, plans, phases: trained, data, outcome };
}

/** A saved model with a low-rank adapter to train. */
async function adapted({
  config,
  dropout,
}: {
  config: Record<string, unknown>;
  dropout: number;
}): Promise<ModelSource> {
  const model = createModel({ config, seed: 3 });
  await saveModel({ model, folder: join(folder, 'model') });
  model.dispose();
  return {
    kind: 'folder',
    folder: join(folder, 'model'),
    lora: { targets: ['q_proj', 'v_proj'], rank: 4, alpha: 8, dropout, seed: 2 },
  };
}

interface Line {
  step: number;
  phase: number;
  loss: number;
  thoughtNorm?: number;
  thoughtSimilarity?: number;
  validationLoss?: number;
}
const logOf = async (name = 'run') =>
  (await readFile(join(folder, name, 'log.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);

describe('measures of thoughts', () => {
  const cosine = (a: number[], b: number[]) =>
    a.reduce((sum, x, i) => sum + x * b[i]!, 0) / Math.hypot(...a) / Math.hypot(...b);

  it('are the mean norm and the mean cosine over pairs of one place', () => {
    const states = Array.from({ length: 7 }, (_, row) =>
      Array.from({ length: 5 }, (_, column) => Math.sin(row * 7 + column * column)),
    );
    const measured = tf.tidy(() => {
      const { thoughtNorm, thoughtSimilarity } = measureThoughts({
        states: tf.tensor2d(states),
        thoughts: { rows: Int32Array.from([1, 2, 4, 5, 6]), groups: Int32Array.from([0, 1, 0, 1, 0]) },
      });
      return [thoughtNorm, thoughtSimilarity].map(({ sum, count }) => ({ sum: sum.dataSync()[0]!, count }));
    });
    const pairs = [
      [1, 4],
      [1, 6],
      [4, 6],
      [2, 5],
    ].map(([a, b]) => cosine(states[a!]!, states[b!]!));
    expect(measured[0]).toEqual({
      sum: expect.closeTo(
        [1, 2, 4, 5, 6].reduce((sum, row) => sum + Math.hypot(...states[row]!), 0),
        4,
      ),
      count: 5,
    });
    expect(measured[1]).toEqual({ sum: expect.closeTo(2 * pairs.reduce((sum, one) => sum + one, 0), 4), count: 8 });
  });

  it('show a collapse: the same thought whatever the question is a similarity of 1; nothing is one of 0', () => {
    const similarity = (row: number[]) =>
      tf.tidy(() => {
        const { sum, count } = measureThoughts({
          states: tf.tensor2d([row, row, row]),
          thoughts: { rows: Int32Array.from([0, 1, 2]), groups: new Int32Array(3) },
        }).thoughtSimilarity;
        return sum.dataSync()[0]! / count;
      });
    expect(similarity([0.3, -2, 5])).toBeCloseTo(1, 5);
    expect(similarity([0, 0, 0])).toBe(0);
  });

  it.each([{ name: 'heima' }, { name: 'coconut', hiddenSteps: 2 }] as MethodSpecification[])(
    'stand in the log where there are thoughts ($name)',
    async (specification) => {
      await (await smallRun({ specification })).outcome();
      const log = await logOf();
      const text = log.filter(({ phase }) => phase === 0);
      const hidden = log.filter(({ phase }) => phase > 0);
      expect(text.length).toBeGreaterThan(1);
      for (const line of text) expect(line).not.toHaveProperty('thoughtNorm');
      for (const { thoughtNorm, thoughtSimilarity } of hidden) {
        expect(thoughtNorm).toBeGreaterThan(0);
        expect(thoughtSimilarity).toBeGreaterThan(-1);
        expect(thoughtSimilarity).toBeLessThanOrEqual(1.000001);
      }
      expect(new Set(hidden.map(({ thoughtNorm }) => thoughtNorm)).size).toBeGreaterThan(2);
    },
  );
});

describe('training a reasoner', () => {
  it('takes the loss of held-out examples as their batches have it', async () => {
    const { program, phases, outcome } = await smallRun({ heldOut: 12, validationSteps: 3 });
    const { best } = await outcome();
    const log = await logOf();
    expect(log.filter(({ validationLoss }) => validationLoss !== undefined).map(({ step }) => step)).toEqual(
      log.filter(({ step }) => step % 3 === 0).map(({ step }) => step),
    );
    // The weights are those of the last step: its line can be computed again.
    const { validation } = phases.at(-1)!;
    expect(validation!.count).toBe(2);
    let loss = 0;
    for (let index = 0; index < 2; index++) {
      for (const shard of await validation!.source.batch(index))
        loss += tf.tidy(() => program.loss(shard as never).loss.dataSync()[0]!) / 2;
    }
    expect(log.at(-1)!.validationLoss).toBeCloseTo(loss, 5);
    expect(best!.loss).toBe(
      Math.min(
        ...log.filter(({ phase }) => phase === phases.length - 1).flatMap(({ validationLoss }) => validationLoss ?? []),
      ),
    );
    const everyone =
      JSON.stringify(await validation!.source.batch(0)) + JSON.stringify(await validation!.source.batch(1));
    expect(everyone).not.toBe(JSON.stringify(await phases.at(-1)!.source.batch(0)));
  });

  it('writes the examples of a bad step down by name, with ids, labels and thoughts', async () => {
    const { program, phases, plans, outcome } = await smallRun({ badStepsAllowed: 2 });
    const { variable } = program.parameters[0]!;
    variable.assign(tf.fill(variable.shape, NaN));
    await expect(outcome()).rejects.toMatchObject({ code: 'not-finite' });
    expect(await readdir(join(folder, 'run', 'bad-steps'))).toEqual(['step-00000001.json', 'step-00000002.json']);
    const { batch } = JSON.parse(await readFile(join(folder, 'run', 'bad-steps', 'step-00000002.json'), 'utf8')) as {
      batch: { id: string; shard: number; ids: number[]; labels: number[] }[];
    };
    const shards = (await phases[0]!.source.batch(1)) as { inputs: { ids: Int32Array; time: number } }[];
    expect(batch).toHaveLength(plans[0]!.batchSize);
    for (const [index, { id, shard, ids, labels }] of batch.entries()) {
      expect(examples.map((example) => example.id)).toContain(id);
      expect(labels).toHaveLength(ids.length);
      const { ids: all, time } = shards[shard]!.inputs;
      const row = (index % 3) * time;
      expect([...all.subarray(row, row + ids.length)]).toEqual(ids);
    }
  });

  it('refuses batches and held-out sets of fewer examples than shards', async () => {
    await expect(smallRun({ heldOut: 1 })).rejects.toMatchObject({
      code: 'invalid-option',
      message: expect.stringContaining('1 held-out examples'),
    });
  });

  it('draws the dropout of an adapter by step: the same in a run that was stopped, off while validating', async () => {
    const text = async (name: string) => readFile(join(folder, name, 'log.jsonl'), 'utf8');
    const options = { heldOut: 6, validationSteps: 2, logSteps: 1 };
    const whole = await smallRun({ ...options, dropout: 0.5, name: 'whole' });
    await whole.outcome();
    await (await smallRun({ ...options, dropout: 0, name: 'without' })).outcome();
    expect(await text('whole')).not.toBe(await text('without'));
    const controller = new AbortController();
    await (
      await smallRun({
        ...options,
        dropout: 0.5,
        name: 'stopped',
        signal: controller.signal,
        onProgress: ({ step }) => step === 9 && controller.abort(),
      })
    ).outcome();
    await (await smallRun({ ...options, dropout: 0.5, name: 'stopped' })).outcome();
    expect(await text('stopped')).toBe(await text('whole'));
    const shards = await whole.phases.at(-1)!.validation!.source.batch(0);
    const losses = [1, 2].map(() =>
      shards.reduce<number>(
        (sum, shard) => sum + tf.tidy(() => whole.program.loss(shard as never).loss.dataSync()[0]!),
        0,
      ),
    );
    expect(losses[0]).toBe(losses[1]);
    expect((await logOf('whole')).at(-1)!.validationLoss).toBeCloseTo(losses[0]!, 5);
  });
});

describe('memory', () => {
  it("is flat over a thousand steps: tensors exactly, the engine's heap exactly, the process within 16 MB", async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const heap = () => (tf.backend() as unknown as { wasm: { HEAPU8: Uint8Array } }).wasm.HEAPU8.length;
    const seen: { tensors: number; heap: number; resident: number }[] = [];
    const { outcome } = await smallRun({
      steps: 260,
      heldOut: 6,
      validationSteps: 50,
      logSteps: 10,
      checkpointSteps: 500,
      onProgress: ({ step }) => {
        if (step % 20 !== 0) return;
        if (step % 260 === 0) collect();
        seen.push({ tensors: tf.memory().numTensors, heap: heap(), resident: process.memoryUsage().rss });
      },
    });
    const { steps } = await outcome();
    expect(steps).toBeGreaterThanOrEqual(1_000);
    expect(new Set(seen.map(({ tensors }) => tensors)).size).toBe(1);
    // The first steps of each phase may meet a longer batch; the last phase's are the shortest.
    const later = seen.slice(Math.floor(seen.length / 5));
    expect(new Set(later.map((one) => one.heap)).size).toBe(1);
    const mean = (part: typeof seen) => part.reduce((sum, { resident }) => sum + resident, 0) / part.length / 2 ** 20;
    const third = Math.floor(later.length / 3);
    expect(mean(later.slice(-third)) - mean(later.slice(0, third))).toBeLessThan(16);
  });
});
