import { useEngine } from '@subtext/tensor';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { drawExamples, trainNumberReasoner } from '../../test/number-world';
import { examplesFor, smallReasoner } from '../../test/small-reasoners';
import type { Answer, Reasoner } from '../index';
import { readThoughts } from './seen-thoughts';
import { stageThoughts, steer, swapStage } from './steer';
import { loadDirection, saveDirection, type ThoughtDirection } from './thought-direction';

const questions = drawExamples({ count: 32, seed: 2 });
const of = (number: string) => questions.filter(({ answer }) => answer === number);
let folder: string;
let reasoner: Reasoner;
let answers: Answer[];

/** From the thoughts of one number to those of another: the difference of their means. */
async function between(from: string, to: string): Promise<ThoughtDirection> {
  const mean = async (number: string) => {
    const asked = of(number);
    const seen = await stageThoughts({
      reasoner,
      questions: asked,
      answers: await reasoner.think({ questions: asked }),
      stage: 'step_1',
    });
    const states = seen.map((thoughts) => thoughts![0]!.state);
    return states[0]!.map((_, unit) => states.reduce((sum, state) => sum + state[unit]!, 0) / states.length);
  };
  const [start, end] = [await mean(from), await mean(to)];
  return { stage: 'step_1', thoughts: [end.map((value, unit) => value - start[unit]!)], source: `${from} to ${to}` };
}

beforeAll(async () => {
  await useEngine({ engine: 'wasm' });
  folder = await mkdtemp(join(tmpdir(), 'subtext-steer-'));
  reasoner = trainNumberReasoner({ visibility: 'chain' });
  answers = await reasoner.think({ questions });
});
afterAll(async () => {
  reasoner.dispose();
  await rm(folder, { recursive: true });
});

describe('steer', () => {
  it('turns the answers into those that the direction points at, as far as it is added', async () => {
    const direction = await between('3', '7');
    const asked = of('3');
    const own = await reasoner.think({ questions: asked });
    const said = async (strength: number) =>
      (await steer({ reasoner, questions: asked, answers: own, direction, strength })).map(({ answer }) => answer);
    expect(await said(0)).toEqual(asked.map(() => '3'));
    expect(await said(1)).toEqual(asked.map(() => '7'));
    // The other way it leads to no 7.
    expect(await said(-1)).not.toContain('7');
    const path = join(folder, 'direction.safetensors');
    await saveDirection({ path, direction });
    expect(await loadDirection({ path })).toEqual(direction);
  });

  it('refuses what does not fit, one clear error each', async () => {
    const direction = await between('3', '7');
    const refused = (changes: Partial<Parameters<typeof steer>[0]>) =>
      expect(steer({ reasoner, questions, answers, direction, ...changes })).rejects;
    await refused({ direction: { ...direction, thoughts: [direction.thoughts[0]!.slice(2)] } }).toMatchObject({
      code: 'width-mismatch',
      message: expect.stringMatching(/The direction has \d+ numbers where a thought of this model has \d+/) as string,
    });
    await refused({ direction: { ...direction, thoughts: [] } }).toMatchObject({ code: 'stages-differ' });
    await refused({ stage: 'caption' }).toMatchObject({
      code: 'unknown-stage',
      message: 'The reasoner has no stage "caption". Take one of: step_1.',
    });
    await refused({ strength: Number.NaN }).toMatchObject({ code: 'invalid-option' });
    const text = { ...answers[0]!, thoughts: [] };
    await refused({ answers: [text], questions: questions.slice(0, 1) }).toMatchObject({ code: 'stage-not-hidden' });
    const path = join(folder, 'none.safetensors');
    await expect(loadDirection({ path })).rejects.toMatchObject({ code: 'not-a-direction' });
    await writeFile(path, 'none');
    await expect(loadDirection({ path })).rejects.toMatchObject({ code: 'not-a-direction' });
  });

  it('leaves an answer alone that has no thought of the stage', async () => {
    const text = { ...answers[0]!, thoughts: [] };
    const direction = await between('3', '7');
    const two = { reasoner, questions: questions.slice(0, 2), answers: [text, answers[1]!] };
    expect((await steer({ ...two, direction }))[0]).toEqual(text);
  });

  it('adds to what a continuous thought after the stage is fed', async () => {
    const { reasoner: coconut } = smallReasoner({ method: { name: 'coconut', hiddenSteps: 2 } });
    const asked = examplesFor('llama');
    const own = await coconut.think({ questions: asked });
    const [[first]] = (await readThoughts({ reasoner: coconut, questions: asked, answers: own })) as [
      Awaited<ReturnType<typeof readThoughts>>[number],
    ];
    const zeros = new Float32Array(first!.state.length);
    const next = first!.next!.map((_, unit) => (unit === 0 ? 1 : 0));
    const steered = await steer({
      reasoner: coconut,
      questions: asked,
      answers: own,
      direction: { stage: 'summary', thoughts: [zeros], next, source: 'one unit' },
      strength: 2,
    });
    for (const [row, { thoughts }] of steered.entries()) {
      const [before, after] = [own[row]!.thoughts[1]!.input, thoughts[1]!.input] as [Float32Array, Float32Array];
      for (const [unit, value] of after.entries()) expect(value).toBeCloseTo(before[unit]! + (unit === 0 ? 2 : 0), 4);
    }
    coconut.dispose();
  });
});

describe('swapStage', () => {
  it('answers with another question’s thoughts', async () => {
    const other = questions.findIndex(({ answer }) => answer !== questions[0]!.answer);
    const [swapped] = await swapStage({
      reasoner,
      questions: questions.slice(0, 1),
      answers: answers.slice(0, 1),
      stage: 'step_1',
      from: [{ question: questions[other]!, answer: answers[other]! }],
    });
    expect(swapped!.answer).toBe(questions[other]!.answer);
  });
});
