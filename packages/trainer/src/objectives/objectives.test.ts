import { createModel, type LanguageModel } from '@subtext/model';
import {
  batchRows,
  collateLayouts,
  createMethod,
  type Layout,
  lossWeight,
  type MethodSpecification,
  type PredictedWords,
  pickedLoss,
  type ReasonerBatch,
  textParts,
} from '@subtext/reasoner';
import { tf, useEngine } from '@subtext/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { smallContext, steppedExample } from '../../../reasoner/test/small-world';
import { openProgram } from '../../test/open-program';
import type { ReasonerData } from '../sources/laid-out-examples';
import type { Shard } from '../sources/source';
import { distillationLoss } from './distillation-loss';
import type { HaltingPart } from './halting';
import { haltingLoss } from './halting-loss';
import { methodObjectives } from './method-objectives';
import { reasonerRunner } from '../program/runner';
import { findObjective } from './registry';
import type { ThoughtWordsPart } from './thought-words';

const stages = ['step_1', 'step_2', 'step_3'];
const examples = [
  steppedExample,
  { ...steppedExample, id: 'two', question: 'is it so?', answer: 'yes', steps: steppedExample.steps.slice(1) },
];
let model: LanguageModel;

beforeAll(async () => {
  // Finite differences want the engine whose rounding is that of single numbers.
  await useEngine({ engine: 'cpu' });
  model = createModel({
    config: {
      model_type: 'gpt2',
      vocab_size: 96,
      n_positions: 64,
      n_embd: 8,
      n_layer: 2,
      n_head: 2,
      initializer_range: 0.3,
    },
    seed: 4,
  });
});
afterAll(() => model.dispose());

/** The layouts of a method's last phase. */
function layoutsOf(specification: MethodSpecification): Layout[] {
  const method = createMethod(specification);
  const context = smallContext({ specialTokens: method.specialTokens({ stages }) });
  const phase = method.curriculum({ stages }).at(-1)!;
  return examples.map((example) => method.layout({ example, phase, context }));
}

/** The shard of some layouts of a step, with the parts of objectives. */
async function collate(layouts: Layout[], whole = layouts): Promise<Shard<ReasonerBatch>> {
  const shards = [layouts, whole.filter((layout) => !layouts.includes(layout))].map((part) =>
    part.map((layout) => ({ example: steppedExample, layout })),
  );
  const batches = shards.map((items) =>
    collateLayouts({
      layouts: batchRows(items.map(({ layout }) => layout)),
      padId: 0,
      lossWeight: lossWeight(whole),
    }),
  );
  const set = { context: { endId: 0 } } as ReasonerData;
  const parts: Record<string, unknown> = {};
  for (const name of ['distillation', 'halting', 'thought-words']) {
    const made = await findObjective(name).parts!({ shards, batches, set, data: undefined, counters: [] });
    if (made[0] !== undefined) parts[name] = made[0];
  }
  return { inputs: batches[0]!, parts };
}

/** The program that a method is trained with. */
const programOf = (specification: MethodSpecification) =>
  openProgram({ model, objectives: methodObjectives({ method: createMethod(specification) }) });
/** Of next-token cross-entropy alone. */
const plainProgram = () => openProgram({ model });

/** Compares a gradient with central differences, coordinate by coordinate. */
function expectGradient({
  loss,
  at,
  every = 1,
}: {
  loss: (input: tf.Tensor) => tf.Scalar;
  at: tf.Tensor;
  every?: number;
}): void {
  const gradient = tf.tidy(() => tf.grad(loss)(at).dataSync() as Float32Array);
  const values = at.dataSync() as Float32Array;
  const step = 1e-2;
  const moved = (index: number, by: number) =>
    tf.tidy(
      () =>
        loss(
          tf.tensor(
            values.map((value, place) => (place === index ? value + by : value)),
            at.shape,
          ),
        ).dataSync()[0]!,
    );
  const largest = gradient.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  expect(largest).toBeGreaterThan(0);
  for (let index = 0; index < values.length; index += every) {
    expect(Math.abs((moved(index, step) - moved(index, -step)) / (2 * step) - gradient[index]!)).toBeLessThan(
      0.01 * largest + 1e-4,
    );
  }
}

describe('distillation', () => {
  const width = 4;
  const random = (shape: [number, number], seed: number) =>
    tf.randomNormal(shape, 0, 1.5, 'float32', seed) as tf.Tensor2D;
  const rows = { ownRows: Int32Array.of(1, 4), teacherRows: Int32Array.of(0, 2), exampleWeight: 1 / 2 };

  it.each(['l1', 'smooth-l1'] as const)(
    'is the mean distance (%s) to the teacher in units of its deviation, and its gradient',
    (distance) => {
      const own = [random([5, width], 1), random([5, width], 2), random([5, width], 3)];
      const teacher = [random([3, width], 4), random([3, width], 5), random([3, width], 6)];
      const batch = { ...rows, distance };
      const found = tf.tidy(() => distillationLoss({ own, teacher, batch }).dataSync()[0]!);
      let expected = 0;
      for (const layer of [1, 2]) {
        const [states, targets] = [own[layer]!.arraySync(), teacher[layer]!.arraySync()];
        const chosen = [targets[0]!, targets[2]!].flat();
        const mean = chosen.reduce((sum, value) => sum + value, 0) / chosen.length;
        const deviation = Math.sqrt(chosen.reduce((sum, value) => sum + (value - mean) ** 2, 0) / chosen.length);
        const taught = [states[1]!, states[4]!].flat();
        for (const [place, value] of taught.entries()) {
          const difference = Math.abs(value - chosen[place]!);
          expected +=
            (distance === 'l1' ? difference : difference < 1 ? difference ** 2 / 2 : difference - 0.5) /
            deviation /
            (2 * width) /
            2;
        }
      }
      expect(found).toBeCloseTo(expected, 4);
      expectGradient({
        loss: (input) => distillationLoss({ own: [own[0]!, input as tf.Tensor2D, own[2]!], teacher, batch }),
        at: own[1]!,
      });
      tf.dispose([own, teacher]);
    },
  );

  it('leaves the teacher as it is', () => {
    const own = [random([5, width], 1), random([5, width], 2)];
    const teacher = [random([3, width], 4), random([3, width], 5)];
    const gradient = tf.tidy(() =>
      tf
        .grad((input) =>
          distillationLoss({ own, teacher: [teacher[0]!, input as tf.Tensor2D], batch: { ...rows, distance: 'l1' } }),
        )(teacher[1]!)
        .dataSync(),
    );
    expect([...gradient].every((value) => value === 0)).toBe(true);
    tf.dispose([own, teacher]);
  });

  it('compares the states that predict the answer, in both readings', () => {
    const layouts = layoutsOf({ name: 'codi', count: 2 });
    for (const layout of layouts) {
      const teacher = layout.parts!.distillation!;
      const [written] = teacher.apart;
      // Behind both stands the answer's first token, before both the same mark.
      expect(layout.ids.slice(teacher.own)).toEqual(written.ids.slice(teacher.position));
      expect(written.labels[teacher.position + 1]).toBe(layout.labels[teacher.own + 1]);
      expect(layout.ids.length - teacher.own).toBe(3);
    }
  });

  it('adds up: both cross-entropies and the weighted distance, summed over shards', async () => {
    const specification = { name: 'codi', count: 2, distillationWeight: 0.5 } as const;
    const [program, plain] = await Promise.all([programOf(specification), plainProgram()]);
    const layouts = layoutsOf(specification);
    const batch = await collate(layouts);
    const { loss, answerLoss, teacherLoss, distance } = tf.tidy(() => {
      const forward = program.loss(batch);
      const [value, answer, teacher, between] = [
        forward.loss,
        forward.metrics.answerLoss!,
        forward.metrics.teacherLoss!,
        forward.metrics.distillationLoss!,
      ].map((tensor) => tensor.dataSync()[0]!);
      return { loss: value!, answerLoss: answer!, teacherLoss: teacher!, distance: between! };
    });
    expect(loss).toBeCloseTo(answerLoss + teacherLoss + 0.5 * distance, 4);
    const chains = await collate(layouts.map(({ parts }) => parts!.distillation!.apart[0]));
    expect(tf.tidy(() => plain.loss(chains).loss.dataSync()[0]!)).toBeCloseTo(teacherLoss, 4);
    const shards = await Promise.all(layouts.map((layout) => collate([layout], layouts)));
    const summed = (name: string) =>
      tf.tidy(() => shards.reduce((sum, shard) => sum + program.loss(shard).metrics[name]!.dataSync()[0]!, 0));
    expect(summed('teacherLoss')).toBeCloseTo(teacherLoss, 4);
    expect(summed('answerLoss')).toBeCloseTo(answerLoss, 4);
  });
});

describe('learning when to stop', () => {
  it('lays each example out with every number of thoughts', () => {
    const [layout] = layoutsOf({ name: 'adaptive', hiddenSteps: 2, thoughtsPerStep: 2 });
    const method = createMethod({ name: 'coconut', hiddenSteps: 2, thoughtsPerStep: 2 });
    const context = smallContext({ specialTokens: method.specialTokens({ stages }) });
    const last = method.layout({ example: examples[0]!, phase: method.curriculum({ stages }).at(-1)!, context });
    expect(layout!.ids).toEqual(last.ids);
    expect(
      layout!.parts!.halting!.rows.map(({ thoughts, ids }) => [thoughts.length, last.ids.length - ids.length]),
    ).toEqual([
      [0, 4],
      [1, 3],
      [2, 2],
      [3, 1],
    ]);
    for (const shorter of layout!.parts!.halting!.rows) {
      expect(shorter.ids.slice(shorter.promptLength)).toEqual(last.ids.slice(last.promptLength));
      expect(shorter.labels.slice(shorter.promptLength)).toEqual(last.labels.slice(last.promptLength));
    }
  });

  it('is the cross-entropy with the cheapest number of thoughts, and its gradient', async () => {
    const layouts = layoutsOf({ name: 'adaptive', hiddenSteps: 2, thoughtCost: 0.3 });
    const { inputs: batch, parts } = await collate(layouts);
    const halting = { ...(parts.halting as HaltingPart), cost: 0.3 };
    const states = tf.randomNormal([batch.rows * batch.time, 8], 0, 1, 'float32', 3) as tf.Tensor2D;
    const losses = tf.randomUniform([batch.lossRows.length], 0, 2, 'float32', 5) as tf.Tensor1D;
    const { loss, expectedThoughts } = tf.tidy(() => {
      const found = haltingLoss({ model, states, losses, batch: halting });
      return { loss: found.loss.dataSync()[0]!, expectedThoughts: found.expectedThoughts.dataSync()[0]! };
    });
    const logits = tf.tidy(() => model.logits(states).arraySync() as number[][]);
    const values = losses.dataSync();
    let crossEntropy = 0;
    let thoughts = 0;
    const cheapest: number[] = [];
    for (const [example, layout] of layouts.entries()) {
      let reached = 1;
      const prices: number[] = [];
      const surprise: number[] = [];
      let soFar = 0;
      for (let count = 0; count <= 2; count++) {
        const row = count === 2 ? example : 2 + example * 2 + count;
        let own = 0;
        for (const [place, lossRow] of batch.lossRows.entries())
          if (Math.floor(lossRow / batch.time) === row) own += values[place]!;
        const [more, stop] =
          count === 2
            ? [-Infinity, 0]
            : [halting.more, halting.stop].map(
                (id) => logits[example * batch.time + layout.thoughts[count]!.position - 1]![id]!,
              );
        const goOn = count === 2 ? 0 : 1 / (1 + Math.exp((stop! - more!) / Math.sqrt(8)));
        prices.push(own + 0.3 * count);
        surprise.push(soFar - Math.log(1 - goOn));
        soFar -= Math.log(goOn);
        thoughts += (reached * (1 - goOn) * count) / 2;
        reached *= goOn;
      }
      cheapest.push(prices.indexOf(Math.min(...prices)));
      crossEntropy += surprise[cheapest.at(-1)!]! / 2;
    }
    // Both a number of thoughts below the most and a different one for each example.
    expect(new Set(cheapest).size).toBe(2);
    expect(loss).toBeCloseTo(crossEntropy, 4);
    expect(expectedThoughts).toBeCloseTo(thoughts, 4);
    expectGradient({
      loss: (input) => haltingLoss({ model, states: input as tf.Tensor2D, losses, batch: halting }).loss,
      at: states,
      every: 11,
    });
    const towardsAnswers = tf.tidy(() =>
      tf
        .grad((input) => haltingLoss({ model, states, losses: input as tf.Tensor1D, batch: halting }).loss)(losses)
        .dataSync(),
    );
    expect([...towardsAnswers].every((value) => value === 0)).toBe(true);
    tf.dispose([states, losses]);
  });

  it('gives each number of thoughts the answer\u2019s loss that it has alone', async () => {
    const specification = { name: 'adaptive', hiddenSteps: 2 } as const;
    const [program, plain] = await Promise.all([programOf(specification), plainProgram()]);
    const layouts = layoutsOf(specification);
    const shard = await collate(layouts);
    const whole = tf.tidy(() => program.loss(shard).metrics.answerLoss!.dataSync()[0]!);
    const alone = layouts.flatMap(({ parts, ...layout }) => [layout, ...parts!.halting!.rows]);
    const weight = lossWeight(layouts);
    expect(weight).toBeCloseTo(lossWeight(alone), 8);
    const shards = await Promise.all(alone.map((layout) => collate([layout])));
    const sum = shards.reduce(
      (total, { inputs, parts }) =>
        total + tf.tidy(() => plain.loss({ inputs: { ...inputs, lossWeight: weight }, parts }).loss.dataSync()[0]!),
      0,
    );
    expect(whole).toBeCloseTo(sum, 4);
  });
});

describe('multi-pass pauses', () => {
  it('give the loss of pauses in one pass', async () => {
    const program = await plainProgram();
    const loss = async (thoughts: 'pause' | 'multi-pass-pause' | 'continuous') => {
      const batch = await collate(layoutsOf({ name: 'coconut', hiddenSteps: 3, thoughts }));
      expect(batch.inputs.continuous === undefined).toBe(thoughts === 'pause');
      return tf.tidy(() => program.loss(batch).loss.dataSync()[0]!);
    };
    const pause = await loss('pause');
    expect(await loss('multi-pass-pause')).toBeCloseTo(pause, 4);
    expect(Math.abs((await loss('continuous')) - pause)).toBeGreaterThan(1e-3);
  });
});

describe('an empty loss', () => {
  it('is zero where nothing is predicted', () => {
    const states = tf.zeros([2, 8]) as tf.Tensor2D;
    expect(
      tf.tidy(
        () =>
          pickedLoss({
            model,
            states,
            lossRows: new Int32Array(),
            lossLabels: new Int32Array(),
            lossWeight: 1,
          }).dataSync()[0],
      ),
    ).toBe(0);
    states.dispose();
  });
});

describe('thought words', () => {
  it('are what each thought predicts of its own part of the step, at their weight', async () => {
    const specification = { name: 'heima', thinkingTokens: { kind: 'fixed', count: 2 }, predictWords: 0.5 } as const;
    const [program, plain] = await Promise.all([programOf(specification), plainProgram()]);
    const layouts = layoutsOf(specification);
    // Each half of a step's words belongs to one of its two thoughts, read where it is seen.
    const { thoughts } = layouts[0]!.parts!['thought-words']!;
    const context = smallContext({ specialTokens: createMethod(specification).specialTokens({ stages }) });
    const wordsOf = (text: string) => context.tokenizer.encode(text, { addSpecialTokens: false }).ids;
    const told = thoughts.map(({ ids }) => ids);
    expect(told).toEqual(
      steppedExample.steps.flatMap(({ text }) => textParts({ text, parts: 2 }).map((part) => wordsOf(part))),
    );
    expect(thoughts.map(({ position }) => position)).toEqual(layouts[0]!.thoughts.map(({ position }) => position));

    const batch = await collate(layouts);
    const read = () =>
      tf.tidy(() => {
        const { loss, metrics } = program.loss(batch);
        return [loss, metrics.reasonerLoss!, metrics.wordsLoss!].map((tensor) => tensor.dataSync()[0]!);
      });
    const [loss, answer, words] = read();
    expect(loss).toBeCloseTo(answer! + 0.5 * words!, 4);
    expect(tf.tidy(() => plain.loss(batch).loss.dataSync()[0]!)).toBeCloseTo(answer!, 4);
    // With the identity in every place each word's loss is that of the model's own next token.
    const part = batch.parts['thought-words'] as ThoughtWordsPart;
    const rows = part.wordRows.map((row) => part.stateRows[Math.floor(row / 24)]!);
    const own = tf.tidy(() => {
      const { states } = reasonerRunner({ model }).forward({ inputs: batch.inputs, layers: false });
      return pickedLoss({
        model,
        states,
        lossRows: rows,
        lossLabels: part.wordIds,
        lossWeight: part.lossWeight,
      }).dataSync()[0]!;
    });
    expect(words).toBeCloseTo(own, 4);
  });

  it('see only as many words as there are places for', async () => {
    const specification = { name: 'heima', predictWords: 1 } as const;
    const many: PredictedWords = { thoughts: [{ position: 1, ids: new Array<number>(40).fill(5) }] };
    const layouts = layoutsOf(specification).map((layout) => ({ ...layout, parts: { 'thought-words': many } }));
    const part = (await collate(layouts)).parts['thought-words'] as ThoughtWordsPart;
    expect([...part.wordRows]).toEqual(Array.from({ length: 48 }, (_, word) => word));
  });
});
