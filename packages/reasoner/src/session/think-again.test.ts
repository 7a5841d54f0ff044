import { tf, useEngine } from '@subtext/tensor';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';

import { drawExamples, trainNumberReasoner } from '../../test/number-world';
import { examplesFor, smallReasoner } from '../../test/small-reasoners';
import { type Answer, FeedbackMap, type MethodSpecification, Reasoner } from '../index';
import { readThoughts, type SeenThought } from './seen-thoughts';
import { thinkAgain } from './think-again';

let reasoner: Reasoner | undefined;
afterEach(() => {
  reasoner?.dispose();
  reasoner = undefined;
});
beforeAll(async () => void (await useEngine({ engine: 'wasm' })));

const close = (one: readonly Answer[], other: readonly Answer[], { rounds = 1e-4 } = {}) => {
  for (const [row, answer] of one.entries()) {
    expect(answer.ids).toEqual(other[row]!.ids);
    expect(answer.answer).toBe(other[row]!.answer);
    expect(answer.thoughts.map(({ stage, index }) => [stage, index])).toEqual(
      other[row]!.thoughts.map(({ stage, index }) => [stage, index]),
    );
    for (const [index, { hidden }] of answer.thoughts.entries())
      for (const [unit, value] of hidden.entries())
        expect(Math.abs(value - other[row]!.thoughts[index]!.hidden[unit]!)).toBeLessThan(rounds);
  }
};
const of = (thoughts: readonly SeenThought[], stage: string) => thoughts.filter((thought) => thought.stage === stage);

const promptMethods: MethodSpecification[] = [
  { name: 'coconut', hiddenSteps: 3, thoughtsPerStep: 2 },
  { name: 'sim-cot', hiddenSteps: 2 },
  { name: 'pause', count: 2 },
  { name: 'codi', count: 3 },
  { name: 'adaptive', hiddenSteps: 3 },
];

describe('thinking again', () => {
  it.each(promptMethods)('with the own thoughts gives the same answer: $name', async (method) => {
    reasoner = smallReasoner({ method }).reasoner;
    const questions = examplesFor('llama');
    const answers = await reasoner.think({ questions });
    const seen = await readThoughts({ reasoner, questions, answers, batchSize: 2 });
    const tensors = tf.memory().numTensors;
    for (const stage of new Set(answers[0]!.thoughts.map((thought) => thought.stage))) {
      const thoughts = seen.map((list) => (of(list, stage).length > 0 ? of(list, stage) : null));
      const again = await thinkAgain({ reasoner, questions, answers, stage, thoughts });
      close(again, answers);
      for (const [row, { tokens }] of again.entries()) expect(tokens).toEqual(answers[row]!.tokens);
    }
    expect(tf.memory().numTensors).toBe(tensors);
  });

  it('makes all that comes after anew: where it sees the stage alone, it is what the other example’s was', async () => {
    const table = {
      question: [],
      summary: ['question'],
      caption: ['summary'],
      reasoning: ['caption'],
      answer: ['reasoning'],
    };
    reasoner = smallReasoner({
      method: { name: 'coconut', hiddenSteps: 3, thoughtsPerStep: 2 },
      visibility: table,
    }).reasoner;
    // Rotary positions count, so that the other question is as long.
    const questions = ['what is it ?', 'what has you ?', 'say what you see'].map((question) => ({ question }));
    const answers = await reasoner.think({ questions });
    const others = [1, 2, 0];
    expect(new Set(answers.map(({ ids }) => ids.join())).size).toBeGreaterThan(1);
    const seen = await readThoughts({ reasoner, questions, answers });
    for (const stage of ['summary', 'caption', 'reasoning']) {
      const again = await thinkAgain({
        reasoner,
        questions,
        answers,
        stage,
        thoughts: others.map((other) => of(seen[other]!, stage)),
      });
      const begun = answers[0]!.thoughts.findIndex((thought) => thought.stage === stage);
      for (const [row, other] of others.entries()) {
        // The mark behind the thoughts sees what the reasoning sees: the own caption, where that was left.
        if (stage !== 'reasoning') expect(again[row]!.ids[0]).toBe(answers[other]!.ids[0]);
        // What stands before the stage is its own.
        const expected = answers[row]!.thoughts.map((thought, index) =>
          index < begun ? thought : answers[other]!.thoughts[index]!,
        );
        close([again[row]!], [{ ...again[row]!, thoughts: expected }]);
      }
      // A row does not depend on those beside it.
      const alone = await thinkAgain({
        reasoner,
        questions,
        answers,
        stage,
        thoughts: [null, null, of(seen[others[2]!]!, stage)],
      });
      close(alone, [answers[0]!, answers[1]!, again[2]!]);
    }
  });

  it.each(['at', 'before'] as const)(
    'follows thinking tokens through the stages after them (%s)',
    async (thoughtReading) => {
      reasoner = trainNumberReasoner({
        visibility: { question: [], step_1: ['question'], step_2: ['step_1'], answer: ['step_2'] },
        steps: 2,
        thoughtReading,
      });
      const questions = drawExamples({ count: 16, seed: 2, steps: 2 });
      const answers = await reasoner.think({ questions });
      expect(answers.map(({ answer }) => answer)).toEqual(questions.map(({ answer }) => answer));
      const seen = await readThoughts({ reasoner, questions, answers });
      const others = questions.map(({ answer }, row) =>
        [...questions.keys()].find((other) => other > row % 8 && questions[other]!.answer !== answer)!,
      );
      for (const stage of ['step_1', 'step_2']) {
        const own = await thinkAgain({
          reasoner,
          questions,
          answers,
          stage,
          thoughts: seen.map((list) => of(list, stage)),
        });
        close(own, answers);
        const swapped = await thinkAgain({
          reasoner,
          questions,
          answers,
          stage,
          thoughts: others.map((other) => of(seen[other]!, stage)),
        });
        expect(swapped.map(({ answer }) => answer)).toEqual(others.map((other) => questions[other]!.answer));
        expect(swapped.map(({ stages }) => stages)).toEqual(answers.map(({ stages }) => stages));
      }
    },
  );

  it('makes thinking tokens anew to which the state before them is added', async () => {
    const trained = trainNumberReasoner({
      visibility: { question: [], step_1: ['question'], step_2: ['step_1'], answer: ['step_2'] },
      steps: 2,
    });
    const { model, tokenizer, settings } = trained;
    const width = model.dimensions.width;
    const feedback = FeedbackMap.createMatrix({ width });
    const matrix = feedback.parameters.get('matrix.weight');
    matrix.assign(tf.mul(tf.randomNormal(matrix.shape, 0, 1, 'float32', 3), 0.02));
    const method = { ...settings.method, feedBack: true } as MethodSpecification;
    reasoner = new Reasoner({ model, tokenizer, feedback, settings: { ...settings, method } });
    const questions = drawExamples({ count: 16, seed: 2, steps: 2 }).filter((_, row) => row % 2 === 0);
    const answers = await reasoner.think({ questions });
    expect(answers[0]!.thoughts.map(({ input }) => input instanceof Float32Array)).toEqual([true, true]);
    const seen = await readThoughts({ reasoner, questions, answers });
    const stage = 'step_1';
    close(
      await thinkAgain({ reasoner, questions, answers, stage, thoughts: seen.map((list) => of(list, stage)) }),
      answers,
    );
    const others = questions.map((_, row) => (row + 1) % questions.length);
    const swapped = await thinkAgain({
      reasoner,
      questions,
      answers,
      stage,
      thoughts: others.map((other) => of(seen[other]!, stage)),
    });
    // All questions are as long, and what follows sees the first step alone: it is the other's.
    close(
      swapped,
      others.map((other) => answers[other]!),
    );
    for (const [row, other] of others.entries()) {
      const [own, theirs] = [swapped[row]!, answers[other]!].map(({ thoughts }) => thoughts[1]!.input as Float32Array);
      for (const [unit, value] of own!.entries()) expect(value).toBeCloseTo(theirs![unit]!, 3);
    }
  });

  it('refuses thoughts that do not fit, one clear error each', async () => {
    reasoner = smallReasoner({ method: { name: 'coconut', hiddenSteps: 2, thoughtsPerStep: 2 } }).reasoner;
    const questions = examplesFor('llama').slice(0, 1);
    const answers = await reasoner.think({ questions });
    const seen = await readThoughts({ reasoner, questions, answers });
    const refused = (stage: string, thoughts: readonly SeenThought[]) =>
      expect(thinkAgain({ reasoner: reasoner!, questions, answers, stage, thoughts: [thoughts] })).rejects;
    await refused('gist', []).toMatchObject({
      code: 'unknown-stage',
      message: 'The reasoner has no stage "gist". Take one of: summary, caption.',
    });
    await refused('reasoning', []).toMatchObject({
      code: 'stage-not-hidden',
      message: expect.stringContaining(
        '"reasoning", which the model does not hide. Take one of: summary, caption',
      ) as string,
    });
    await refused('summary', of(seen[0]!, 'caption')).toMatchObject({ code: 'stages-differ' });
    await refused('summary', of(seen[0]!, 'summary').slice(1)).toMatchObject({
      code: 'stages-differ',
      message: expect.stringContaining('2 thoughts in one example and 1 in the other') as string,
    });
    await refused(
      'summary',
      of(seen[0]!, 'summary').map((thought) => ({ ...thought, state: thought.state.slice(2) })),
    ).toMatchObject({ code: 'width-mismatch' });
  });
});
