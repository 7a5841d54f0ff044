import type { ReasoningExample } from '@subtext/data';
import type { ExplanationBatch } from '@subtext/decoder';
import { createModel, saveModel } from '@subtext/model';
import { createMethod, type LayoutContext, linesFormat, type ReasonerBatch, stagesOf } from '@subtext/reasoner';
import { tf, useEngine } from '@subtext/tensor';
import { trainWordLevelTokenizer } from '@subtext/tokenizer';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';

import { reasonerPhases } from '../phases/reasoner-phases';
import { createProgram } from '../program/program';
import type { Shard } from '../sources/source';
import type { ExplanationData, ExplanationOptions } from './explanation';
import { methodObjectives } from './method-objectives';

const examples: ReasoningExample[] = [
  { id: '1', question: '1 2 3', steps: [{ text: '1 2' }, { text: '3 3' }], answer: '6' },
  { id: '2', question: '4 1', steps: [{ text: '4 1' }], answer: '5' },
];

it('supervises each continuous thought with its own step, through the thought, and nothing where there is no step', async () => {
  await useEngine({ engine: 'wasm' });
  const method = createMethod({ name: 'sim-cot', hiddenSteps: 2 });
  const stages = stagesOf(examples);
  const tokenizer = trainWordLevelTokenizer({
    texts: [' 1 2 3 4 5 6', '1\n2\n3\n4\n5\n6'],
    specialTokens: [...method.specialTokens({ stages }), '### ', '<thought>', '<STEP_1>', '<STEP_2>'],
  });
  const context: LayoutContext = {
    tokenizer,
    format: linesFormat,
    endId: tokenizer.idOf('</s>'),
    prefix: [tokenizer.idOf('<s>')],
  };
  const config = {
    model_type: 'gpt2',
    vocab_size: tokenizer.vocabularySize,
    n_positions: 48,
    n_embd: 16,
    n_layer: 1,
    n_head: 2,
    initializer_range: 0.2,
  };
  const folder = await mkdtemp(join(tmpdir(), 'subtext-sim-cot-'));
  try {
    const model = createModel({ config, seed: 1 });
    await saveModel({ model, folder });
    model.dispose();
    const phases = method.curriculum({ stages });
    const plans = phases.map((phase) => ({ phase, steps: 1, batchSize: 2, schedule: { learningRate: 1e-3 } }));
    const explanations = {
      name: 'explanation',
      options: {
        interpreters: [
          {
            name: 'shared',
            stages,
            model: { kind: 'folder', folder },
            projector: { inputWidth: 16, kind: 'linear', seed: 2 },
          },
        ],
      } satisfies ExplanationOptions,
      data: {
        context: {
          tokenizer,
          templates: 'brief',
          slotId: tokenizer.idOf('<thought>'),
          endId: context.endId,
          opening: (stage) => `<${stage.toUpperCase()}>`,
          withQuestion: false,
        },
        interpreterOf: () => 0,
        interpreters: 1,
        reading: 'before',
      } satisfies ExplanationData,
    };
    const objectives = methodObjectives({ method, explanations });
    const explained = reasonerPhases({
      plans,
      data: { examples, method, context, seed: 1, shards: 1 },
      objectives,
    });
    const batches = await Promise.all(
      explained.map(async ({ source }) => (await source.batch(0))[0] as Shard<ReasonerBatch>),
    );
    // Nothing hidden; one step of each; two of the first and one of the second, which has no other.
    expect(batches.map(({ parts }) => (parts.explanation as ExplanationBatch[])[0]!.rows)).toEqual([0, 2, 3, 3]);
    // Blind ones are told each step from the other example's thought; the step that has no other is left out.
    const blind = reasonerPhases({
      plans,
      data: { examples, method, context, seed: 1, shards: 1 },
      objectives: [{ ...explanations, data: { ...explanations.data, shuffled: true } }],
    });
    const [[whole], [shuffled]] = (await Promise.all(
      [explained.at(-1)!, blind.at(-1)!].map(async ({ source }) =>
        (await source.batch(0)).map((shard) => (shard as Shard<ReasonerBatch>).parts.explanation as ExplanationBatch[]),
      ),
    )) as [ExplanationBatch[][], ExplanationBatch[][]];
    const read = [...whole![0]!.stateRows];
    const guessed = [...shuffled![0]!.stateRows];
    expect([shuffled![0]!.rows, guessed.length]).toEqual([2, 2]);
    // Both are thoughts that are read elsewhere, and each stands where the other is read.
    expect(guessed.every((row) => read.includes(row))).toBe(true);
    expect(read.indexOf(guessed[0]!)).toBeGreaterThan(read.indexOf(guessed[1]!));
    const program = await createProgram({ model: { kind: 'folder', folder }, objectives });
    const last = batches.at(-1)!;
    const own = { ...last, inputs: { ...last.inputs, lossRows: new Int32Array(), lossLabels: new Int32Array() } };
    const variables = program.parameters.map(({ variable }) => variable);
    const { grads, value } = tf.engine().gradients(() => program.loss(own).loss, variables, undefined, true);
    const norms = Object.fromEntries(
      (grads as (tf.Tensor | null)[]).map((gradient, index) => [
        program.parameters[index]!.name,
        gradient ? Math.hypot(...(gradient.dataSync() as Float32Array)) : 0,
      ]),
    );
    // The interpreter's loss alone reaches the reasoner's block through the thoughts that were fed back.
    expect(value.dataSync()[0]!).toBeGreaterThan(0);
    expect(norms['reasoner/transformer.h.0.attn.c_attn.weight']!).toBeGreaterThan(0);
    expect(norms['interpreters/shared/model/transformer.h.0.attn.c_attn.weight']!).toBeGreaterThan(0);
    tf.dispose([grads, value]);

    const optimizer = tf.train.adam(0.02);
    const losses: number[] = [];
    for (let step = 0; step < 60; step++)
      losses.push(tf.tidy(() => optimizer.minimize(() => program.loss(last).loss, true, variables)!.dataSync()[0]!));
    const { interpreterLoss, reasonerLoss } = program.loss(last).metrics;
    expect(interpreterLoss!.dataSync()[0]!).toBeLessThan(0.2);
    expect(reasonerLoss!.dataSync()[0]!).toBeLessThan(0.2);
    expect(losses[0]!).toBeGreaterThan(3);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
