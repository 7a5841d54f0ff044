import { Reasoner, type MethodSpecification } from '@subtext/reasoner';
import { useEngine } from '@subtext/tensor';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';

import { accuracyOf, askedAs, lookupExamples, type PhaseSettings, trainLookup } from '../../test/lookup-world';

beforeAll(async () => {
  await useEngine({ engine: 'wasm' });
});

/** Milliseconds: some seconds of work, on a machine that may have more to do. */
const patience = 300_000;

/** Unseen questions: another seed. The lists are drawn from 5⁶ and more. */
const unseen = (options: { cells: number; hops: number | number[] }) =>
  lookupExamples({ ...options, count: 200, seed: 2 });

describe('coconut', () => {
  const task = { cells: 5, hops: 2 };
  const specification: MethodSpecification = { name: 'coconut', hiddenSteps: 2, thoughtsPerStep: 2 };
  const examples = lookupExamples({ ...task, count: 4000 });
  const phase: PhaseSettings = ({ kind }, last) =>
    last ? { steps: 10, learningRate: 1e-3 } : { steps: kind === 'text' ? 120 : 110, learningRate: 1e-2 };

  it(
    'learns through its curriculum what its pause control cannot, and answers by its thoughts',
    async () => {
      const { reasoner, losses } = await trainLookup({ specification, examples, layers: 1, phase });
      const questions = unseen(task);
      expect(Object.keys(losses)).toEqual(['chain of thought', 'hide 1 step', 'hide 2 steps', 'hide all steps']);
      const accuracy = await accuracyOf({ reasoner, examples: questions });
      const pauses: MethodSpecification = { ...specification, thoughts: 'pause' };
      const without = await accuracyOf({ reasoner: askedAs({ reasoner, specification: pauses }), examples: questions });
      expect(accuracy).toBeGreaterThan(0.9);
      expect(without).toBeLessThan(0.5);

      const folder = await mkdtemp(join(tmpdir(), 'subtext-recipe-'));
      const answers = await reasoner.think({ questions: questions.slice(0, 5) });
      for (const { thoughts, ids, tokens, stages } of answers) {
        expect(thoughts.map(({ stage, index, position, hidden }) => [stage, index, position, hidden.length])).toEqual([
          ['step_1', 0, -5, 32],
          ['step_1', 1, -4, 32],
          ['step_2', 0, -3, 32],
          ['step_2', 1, -2, 32],
        ]);
        expect(stages.map(({ thoughts: count }) => count)).toEqual([2, 2]);
        expect(tokens).toMatchObject({ generated: ids.length + 4, thinking: 4 });
      }
      await reasoner.save({ folder });
      const loaded = await Reasoner.load({ folder });
      expect((await loaded.think({ questions: questions.slice(0, 5), batchSize: 2 })).map(({ text }) => text)).toEqual(
        answers.map(({ text }) => text),
      );
      loaded.dispose();
      reasoner.dispose();
      await rm(folder, { recursive: true, force: true });

      const control = await trainLookup({ specification: pauses, examples, layers: 1, phase });
      const controlAccuracy = await accuracyOf({ reasoner: control.reasoner, examples: questions });
      expect(controlAccuracy).toBeLessThan(0.6);
      control.reasoner.dispose();
    },
    patience,
  );
});

describe('other methods', () => {
  const task = { cells: 4, hops: 1 };
  const examples = lookupExamples({ ...task, count: 1000 });

  it.each<{ specification: MethodSpecification; steps: number }>([
    { specification: { name: 'pause', count: 2 }, steps: 250 },
    { specification: { name: 'icot', tokensPerPhase: 2, maximumTokens: 2 }, steps: 100 },
    { specification: { name: 'codi', count: 2, distillationWeight: 1 }, steps: 120 },
    { specification: { name: 'kava', count: 2, distillationWeight: 1 }, steps: 120 },
  ])(
    '$specification.name learns to look up',
    async ({ specification, steps }) => {
      const { reasoner } = await trainLookup({
        specification,
        examples,
        layers: 2,
        phase: () => ({ steps, learningRate: 5e-3 }),
      });
      const accuracy = await accuracyOf({ reasoner, examples: unseen(task) });
      expect(accuracy).toBeGreaterThan(0.9);
      reasoner.dispose();
    },
    patience,
  );
});

describe('adaptive', () => {
  const task = { cells: 5, hops: 2 };
  const phase: PhaseSettings = ({ kind, halting, level }) => {
    if (halting) return { steps: halting === 'head' ? 60 : 30, learningRate: 3e-3, batchSize: 16 };
    return level === Infinity
      ? { steps: 5, learningRate: 1e-3 }
      : { steps: kind === 'text' ? 120 : 110, learningRate: 1e-2 };
  };

  it(
    'learns to think as long as the answer takes, and stops where it has it',
    async () => {
      const { reasoner } = await trainLookup({
        specification: { name: 'adaptive', hiddenSteps: 2, thoughtsPerStep: 2, thoughtCost: 0.1 },
        examples: lookupExamples({ ...task, count: 4000 }),
        layers: 1,
        phase,
      });
      const questions = unseen(task);
      const answers = await reasoner.think({ questions });
      const mean = answers.reduce((sum, { thoughts }) => sum + thoughts.length, 0) / answers.length;
      const accuracy =
        answers.filter(({ answer }, index) => answer === questions[index]!.answer).length / answers.length;
      // Without thinking it can only guess; from the start its head stops at once.
      expect(accuracy).toBeGreaterThan(0.9);
      expect(mean).toBeGreaterThan(1);
      expect(mean).toBeLessThanOrEqual(4);
      for (const { thoughts, tokens, ids, passes } of answers) {
        expect(thoughts.map(({ position }) => position)).toEqual(
          thoughts.map((_, index) => index - thoughts.length - 1),
        );
        expect(tokens).toMatchObject({ thinking: thoughts.length, generated: ids.length + thoughts.length });
        expect(passes).toBeGreaterThanOrEqual(thoughts.length + 1);
      }
      reasoner.dispose();
    },
    patience,
  );
});
