import { tf, useEngine } from '@subtext/tensor';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { drawExamples, trainNumberReasoner } from '../../test/number-world';
import { type Answer, Reasoner, replayAnswers, type VisibilityName } from '../index';

/** Of answers whose thoughts are another's, the share that is the other's answer, and the share that stays their own. */
async function swapped(reasoner: Reasoner): Promise<{ right: number; follows: number; stays: number }> {
  const examples = drawExamples({ count: 24, seed: 2 });
  const answers = await reasoner.think({ questions: examples });
  const mark = reasoner.tokenizer.idOf('<CONCLUSION>');
  const sequences = answers.map(({ prompt, ids }) => [...prompt, ...ids.slice(0, ids.indexOf(mark) + 1)]);
  const places = answers.map(({ prompt, thoughts }) => thoughts.map(({ position }) => prompt.length + position));
  const replay = (options: { places: { index: number; state?: Float32Array }[][]; room?: number }) =>
    replayAnswers({ reasoner, questions: examples, answers, sequences, ...options });
  const read = await replay({ places: places.map((list) => list.map((index) => ({ index }))) });
  read.session.feed(read.inputs).dispose();
  const states = await read.session.captured();
  read.dispose();
  // The next example with another answer.
  const partners = examples.map(({ answer }, row) => {
    const order = examples.map((_, step) => (row + 1 + step) % examples.length);
    return order.find((other) => examples[other]!.answer !== answer)!;
  });
  const others = await replay({
    places: places.map(([index], row) => [{ index: index!, state: states[partners[row]!]! }]),
    room: 4,
  });
  const { ids } = await others.session.write({ inputs: others.inputs, maxNewTokens: 1 });
  others.dispose();
  const written = ids.map(([id]) => reasoner.tokenizer.decode([id!]).trim());
  const share = (fits: (row: number) => boolean) => written.filter((_, row) => fits(row)).length / written.length;
  return {
    right: share((row) => answers[row]!.answer === examples[row]!.answer),
    follows: share((row) => written[row] === examples[partners[row]!]!.answer),
    stays: share((row) => written[row] === examples[row]!.answer),
  };
}

const content = ({ ids, prompt, thoughts, answer }: Answer) => ({
  ids,
  prompt,
  answer,
  thoughts: thoughts.map(({ hidden }) => [...hidden]),
});

describe('an answer that can see nothing but a thought', () => {
  const reasoners = new Map<VisibilityName, Reasoner>();
  beforeAll(async () => {
    await useEngine({ engine: 'wasm' });
    for (const name of ['all', 'chain'] as const) reasoners.set(name, trainNumberReasoner({ visibility: name }));
  });
  afterAll(() => reasoners.forEach((reasoner) => reasoner.dispose()));

  it('follows a thought that is swapped; one that can see the question does not', async () => {
    const [all, chain] = [await swapped(reasoners.get('all')!), await swapped(reasoners.get('chain')!)];
    expect(chain).toEqual({ right: 1, follows: 1, stays: 0 });
    expect(all.right).toBe(1);
    expect(all.follows).toBeLessThan(0.5);
  });

  it('is made of nothing that was asked once the thought is cut', async () => {
    const reasoner = reasoners.get('chain')!;
    const questions = drawExamples({ count: 24, seed: 4 });
    const answers = await reasoner.think({ questions });
    const sequences = answers.map(({ prompt, ids }) => [...prompt, ...ids.slice(0, -1)]);
    const spread = async (hidden: number[][]) => {
      const { session, inputs, dispose } = await replayAnswers({ reasoner, questions, answers, sequences, hidden });
      const states = tf.tidy(() => tf.unstack(tf.squeeze(session.feed({ ...inputs, outputPositions: 1 }), [1])));
      const values = states.map((state) => state.dataSync() as Float32Array);
      tf.dispose(states);
      dispose();
      // Positions count: questions of one length are compared, under the same answer, which the state has read.
      const alike = answers.flatMap((answer, row) =>
        answer.answer === answers[0]!.answer && sequences[row]!.length === sequences[0]!.length ? [values[row]!] : [],
      );
      expect(alike.length).toBeGreaterThan(2);
      return Math.max(
        ...alike.flatMap((state) => [...state].map((value, index) => Math.abs(value - alike[0]![index]!))),
      );
    };
    expect(await spread([])).toBeGreaterThan(1e-3);
    expect(
      await spread(answers.map(({ prompt, thoughts }) => thoughts.map(({ position }) => prompt.length + position))),
    ).toBeLessThan(1e-6);
  });

  it('is the same without a draft, beside others and alone, and after it was saved', async () => {
    const reasoner = reasoners.get('chain')!;
    const questions = drawExamples({ count: 6, seed: 3 });
    const answers = await reasoner.think({ questions });
    const undrafted = new Reasoner({ ...reasoner, settings: reasoner.settings });
    Object.assign(undrafted, { method: { ...reasoner.method, responseStart: undefined } });
    const close = (own: Answer[]) => {
      for (const [row, answer] of own.entries()) {
        const [one, other] = [content(answer), content(answers[row]!)];
        expect({ ...one, thoughts: [] }).toEqual({ ...other, thoughts: [] });
        for (const [index, hidden] of one.thoughts.entries())
          for (const [column, value] of hidden.entries())
            expect(Math.abs(value - other.thoughts[index]![column]!)).toBeLessThan(1e-4);
      }
    };
    const slow = await undrafted.think({ questions });
    expect(slow[0]!.passes).toBeGreaterThan(answers[0]!.passes);
    close(slow);
    close(await reasoner.think({ questions, batchSize: 1 }));

    const folder = await mkdtemp(join(tmpdir(), 'subtext-visibility-'));
    try {
      await reasoner.save({ folder });
      const { format, visibility } = JSON.parse(await readFile(join(folder, 'subtext.json'), 'utf8')) as Record<
        string,
        unknown
      >;
      expect({ format, visibility }).toEqual({
        format: 2,
        visibility: { question: [], steps: ['question', 'previous'], answer: ['previous'] },
      });
      const loaded = await Reasoner.load({ folder });
      close(await loaded.think({ questions }));
      loaded.dispose();
      await reasoners.get('all')!.save({ folder });
      expect(JSON.parse(await readFile(join(folder, 'subtext.json'), 'utf8'))).toMatchObject({ format: 1 });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
