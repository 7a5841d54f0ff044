import type { ReasoningExample } from '@subtext/data';
import { tf, useEngine, valueAndGradients } from '@subtext/tensor';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { puzzles, randomRecurrentReasoner } from '../../test/recurrent-world';
import { collateLayouts } from '../batches/reasoner-batch';
import { createMethod } from '../methods/registry';
import { IGNORED_LABEL } from '../methods/reasoning-method';
import { Reasoner } from '../reasoner/reasoner';
import { recurrentForward } from './recurrent-forward';
import { runRecurrences } from './run-recurrences';

const examples = puzzles.map((puzzle, index): ReasoningExample => ({ id: `${index}`, steps: [], ...puzzle }));
let reasoner: Reasoner;
beforeAll(async () => {
  await useEngine({ engine: 'wasm' });
  reasoner = randomRecurrentReasoner();
});
afterAll(() => reasoner.dispose());

const layouts = ({ steps, gradientSteps }: { steps: number; gradientSteps: number }) =>
  examples.map((example) => {
    const [phase] = reasoner.method.curriculum({ stages: [] });
    const layout = reasoner.method.layout({ example, phase: phase!, context: reasoner.layoutContext() });
    return { ...layout, recurrence: { steps, gradientSteps } };
  });
const batchOf = (options: { steps: number; gradientSteps: number }) => {
  const batch = collateLayouts({ layouts: layouts(options), padId: 0, lossWeight: 1 });
  return { ...batch, recurrence: batch.recurrence! };
};

describe('the method', () => {
  it('lets the state at each cell predict the answer that stands there, and counts recurrences in its phases', () => {
    const method = createMethod({ name: 'recurrent', recurrences: 6, growing: true });
    const context = reasoner.layoutContext();
    const phases = method.curriculum({ stages: [] });
    expect(phases.map(({ name, level }) => [name, level])).toEqual([
      ['1 recurrence', 1],
      ['up to 2 recurrences', 2],
      ['up to 4 recurrences', 4],
      ['up to 6 recurrences', 6],
    ]);
    const layout = method.layout({ example: examples[0]!, phase: phases[3]!, context });
    const words = (ids: readonly number[]) => context.tokenizer.decode([...ids], { skipSpecialTokens: false });
    expect(words(layout.ids)).toBe('<s> 1 . 3 </s>');
    expect(layout.labels.slice(0, 2)).toEqual([IGNORED_LABEL, IGNORED_LABEL]);
    expect(words(layout.labels.slice(2))).toBe('1 2 3');
    const { lossRows } = collateLayouts({ layouts: [layout], padId: 0, lossWeight: 1 });
    expect([...lossRows]).toEqual([1, 2, 3]);
    expect(layout.recurrence).toEqual({ steps: 6, gradientSteps: 4 });
  });

  it('draws one number of recurrences for all examples of a step, every number alike', () => {
    const method = createMethod({ name: 'recurrent', recurrences: 4 });
    const [phase] = method.curriculum({ stages: [] });
    const draw = (step: number, row: number, of = method) =>
      of.layout({
        example: examples[0]!,
        phase: phase!,
        context: reasoner.layoutContext(),
        counters: [1, 0, step, row],
      }).recurrence!.steps;
    const drawn = Array.from({ length: 400 }, (_, step) => draw(step, 0));
    expect(drawn).toEqual(Array.from({ length: 400 }, (_, step) => draw(step, 5)));
    for (const steps of [1, 2, 3, 4]) {
      const share = drawn.filter((one) => one === steps).length / drawn.length;
      // Four standard errors of a quarter of 400 draws.
      expect(Math.abs(share - 0.25)).toBeLessThan(4 * Math.sqrt((0.25 * 0.75) / 400));
    }
    const always = createMethod({ name: 'recurrent', recurrences: 4, sampled: false });
    expect(new Set(Array.from({ length: 20 }, (_, step) => draw(step, 0, always)))).toEqual(new Set([4]));
  });

  it('refuses numbers that there are not, and answers of another length', () => {
    for (const options of [{ recurrences: 0 }, { recurrences: 1.5 }, { gradientSteps: 0 }, { haltingWeight: -1 }])
      expect(() => createMethod({ name: 'recurrent', ...options })).toThrow(Object.keys(options)[0]!);
    const [phase] = reasoner.method.curriculum({ stages: [] });
    const example = { ...examples[0]!, answer: '1 2' };
    expect(() => reasoner.method.layout({ example, phase: phase!, context: reasoner.layoutContext() })).toThrow(
      /question of 3 tokens and an answer of 2/,
    );
  });
});

describe('a pass', () => {
  it('says in training what it says in answering, whatever stands beside a question', async () => {
    const runs = await runRecurrences({ reasoner, questions: examples, recurrences: 3 });
    const alone = await runRecurrences({ reasoner, questions: examples.slice(2), recurrences: 3 });
    expect(alone[0]!.readings.map(({ ids }) => ids)).toEqual(runs[2]!.readings.map(({ ids }) => ids));
    for (const [step, { right, moved }] of alone[0]!.readings.entries()) {
      expect(right).toBeCloseTo(runs[2]!.readings[step]!.right, 5);
      expect(moved).toBeCloseTo(runs[2]!.readings[step]!.moved, 5);
    }
    tf.tidy(() => {
      const batch = batchOf({ steps: 3, gradientSteps: 3 });
      const states = recurrentForward({ model: reasoner.model, batch });
      expect(states).toHaveLength(3);
      for (const [step, state] of states.entries()) {
        const best = reasoner.model.logits(state).argMax(1).dataSync();
        for (const [row, { readings, prompt }] of runs.entries())
          expect(readings[step]!.ids).toEqual(
            Array.from({ length: prompt.length - 2 }, (_, cell) => best[row * batch.time + 1 + cell]),
          );
      }
    });
  });

  it('has the whole gradient with as many gradient steps as recurrences, and that of the last ones with fewer', () => {
    const gradientsOf = (options: { steps: number; gradientSteps: number }) =>
      valueAndGradients({
        compute: () => {
          const states = recurrentForward({ model: reasoner.model, batch: batchOf(options) });
          return tf.sum(tf.square(reasoner.model.logits(states.at(-1)!))) as tf.Scalar;
        },
        parameters: reasoner.model.parameters,
      });
    const whole = gradientsOf({ steps: 3, gradientSteps: 3 });
    const more = gradientsOf({ steps: 3, gradientSteps: 9 });
    const last = gradientsOf({ steps: 3, gradientSteps: 1 });
    const name = 'model.core.0.mlp.up_proj.weight';
    expect(last.value.dataSync()[0]).toBeCloseTo(whole.value.dataSync()[0]!, 3);
    const [one, same, other] = [whole, more, last].map(({ gradients }) => gradients[name]!.dataSync());
    expect([...same!]).toEqual([...one!]);
    expect(Math.max(...one!.map((value, index) => Math.abs(value - other![index]!)))).toBeGreaterThan(1e-4);
    // No gradient reaches where the state began, from behind what is cut off.
    const initial = 'model.initial_state';
    expect(Math.max(...last.gradients[initial]!.dataSync().map(Math.abs))).toBe(0);
    expect(Math.max(...whole.gradients[initial]!.dataSync().map(Math.abs))).toBeGreaterThan(0);
    for (const { value, gradients } of [whole, more, last]) tf.dispose([value, gradients]);
  });
});

describe('answering', () => {
  it('shows what is said after each recurrence, as many as asked for, and frees all it made', async () => {
    await reasoner.think({ questions: examples });
    const { numTensors } = tf.memory();
    const [four] = await reasoner.think({ questions: examples });
    const [six] = await reasoner.think({ questions: examples, recurrences: 6 });
    expect(tf.memory().numTensors).toBe(numTensors);
    expect([four!.passes, six!.passes, four!.tokens.thinking]).toEqual([4, 6, 4]);
    expect(six!.recurrences!.slice(0, 4)).toEqual(four!.recurrences);
    expect(four!.answer).toBe(four!.recurrences!.at(-1)!.answer);
    expect(four!.tokens.generated).toBe(3);
  });

  it('halts where an answer is found right with the probability asked for', async () => {
    const whole = await runRecurrences({ reasoner, questions: examples, recurrences: 6 });
    const chances = whole.map(({ readings }) => readings.map(({ right }) => right));
    const from = Math.max(...chances.flat()) - 1e-6;
    const halted = await runRecurrences({ reasoner, questions: examples, recurrences: 6, haltFrom: from });
    for (const [row, { readings }] of halted.entries()) {
      const first = chances[row]!.findIndex((right) => right >= from);
      expect(readings).toHaveLength(first < 0 ? 6 : first + 1);
    }
  });

  it('goes on from the state that it is given', async () => {
    const [two] = await runRecurrences({ reasoner, questions: [examples[0]!], recurrences: 2, keep: [1, 2] });
    const again = await runRecurrences({
      reasoner,
      questions: [examples[0]!],
      recurrences: 3,
      replace: { after: 2, states: [two!.states.get(1)!] },
    });
    // After the second recurrence stands what stood after the first, so that the third says what the second did.
    expect(again[0]!.readings[2]!.ids).toEqual(two!.readings[1]!.ids);
    expect(again[0]!.readings[2]!.right).toBeCloseTo(two!.readings[1]!.right, 5);
    await expect(
      runRecurrences({
        reasoner,
        questions: [examples[1]!],
        replace: { after: 1, states: [two!.states.get(1)!] },
      }),
    ).rejects.toThrow(/cannot take the place of one of 48/);
  });

  it('refuses what makes no sense', async () => {
    const think = (options: object) => reasoner.think({ questions: examples, ...options });
    await expect(think({ recurrences: 0 })).rejects.toThrow(/recurrences: 0 is not a whole number from 1/);
    await expect(think({ recurrences: 2.5 })).rejects.toThrow(/recurrences: 2\.5/);
    await expect(think({ haltFrom: 0 })).rejects.toThrow(/haltFrom: 0 is not a probability/);
    await expect(think({ temperature: 1 })).rejects.toThrow(/takes no temperature/);
    await expect(think({ questions: [{ question: '1 2 3 4 1 2' }] })).rejects.toThrow(/room for 6/);
    const plain = () => randomRecurrentReasoner({ modelType: 'llama' });
    expect(plain).toThrow(/a llama has none.*subtext_recurrent/);
    expect(() => randomRecurrentReasoner({ method: { name: 'no-cot' } })).toThrow(/every position sees every other/);
    const noCore = randomRecurrentReasoner({ method: { name: 'no-cot' }, modelType: 'llama' });
    await expect(noCore.think({ questions: examples, recurrences: 2 })).rejects.toThrow(/takes no recurrences/);
    noCore.dispose();
  });

  it('is saved and loaded with its number of recurrences; a number that is none is refused', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'recurrent-'));
    await reasoner.save({ folder });
    const loaded = await Reasoner.load({ folder });
    const [own] = await reasoner.think({ questions: examples });
    expect((await loaded.think({ questions: examples }))[0]).toEqual(own);
    loaded.dispose();
    const path = join(folder, 'subtext.json');
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace('"recurrences": 4', '"recurrences": 0'));
    await expect(Reasoner.load({ folder })).rejects.toThrow(/recurrences/);
    await rm(folder, { recursive: true });
  });
});
