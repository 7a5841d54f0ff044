import { changeThoughts, readThoughts, type Reasoner, thinkAgain } from '@subtext/reasoner';
import { tf, useEngine } from '@subtext/tensor';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';

import { examplesFor, smallReasoner } from '../../../reasoner/test/small-reasoners';
import { answersUnder } from './answers-under';
import { earlyAnswers, neededThoughts } from './needed-thoughts';
import { editThoughts } from './thought-edits';
import { traceAnswer } from './trace-answer';

let reasoner: Reasoner | undefined;
afterEach(() => {
  reasoner?.dispose();
  reasoner = undefined;
});
beforeAll(async () => void (await useEngine({ engine: 'wasm' })));

const closed = {
  question: [],
  image: [],
  summary: ['question', 'image'],
  caption: ['summary'],
  reasoning: ['caption'],
  answer: ['reasoning'],
};
const ask = async ({
  visibility = closed as Record<string, string[]> | 'all',
  family = 'llava' as 'llava' | 'llama',
  words = undefined as string[] | undefined,
} = {}) => {
  reasoner = smallReasoner({
    family,
    method: { name: 'coconut', hiddenSteps: 3, thoughtsPerStep: 2 },
    visibility: visibility === closed && family === 'llama' ? withoutPicture(closed) : visibility,
  }).reasoner as unknown as Reasoner;
  const questions = words?.map((question) => ({ question })) ?? examplesFor(family);
  const answers = await reasoner.think({ questions });
  // Random weights come to no answer by themselves: the mark is put where the response begins.
  const mark = reasoner.tokenizer.encode('<CONCLUSION>', { addSpecialTokens: false }).ids;
  for (const answer of answers) answer.ids = [...mark, ...answer.ids.slice(0, 3)];
  return { reasoner, questions, answers, seen: await readThoughts({ reasoner, questions, answers }) };
};
function withoutPicture({ image: _, ...table }: typeof closed) {
  return { ...table, summary: ['question'] };
}

describe('a trace', () => {
  it('says of each position what it is, who sees it and how much: nothing of what is forbidden', async () => {
    const { reasoner, questions, answers } = await ask();
    const asked = { reasoner, question: questions[0]!, answer: answers[0]! };
    await traceAnswer({ ...asked, attention: true, lens: true });
    const before = tf.memory().numTensors;
    const trace = await traceAnswer({ ...asked, attention: true, lens: true });
    expect(tf.memory().numTensors).toBe(before);
    expect(JSON.parse(JSON.stringify(trace))).toEqual(trace);
    const { positions, thoughts, attention, visibility, lens, answerAt } = trace;
    expect(positions.map(({ id }) => id)).toEqual([...answers[0]!.prompt, ...answers[0]!.ids]);
    expect(thoughts.map(({ position }) => positions[position]!.role)).toEqual(
      ['summary', 'caption', 'reasoning'].flatMap((stage) => [stage, stage]),
    );
    for (const [place, { position }] of thoughts.entries()) expect(positions[position]!.thought).toBe(place);
    expect(positions[answerAt!]!.text).toBe('<CONCLUSION>');
    expect(attention).toHaveLength(reasoner.model.dimensions.layers);
    const forbidden: number[] = [];
    const allowed: number[] = [];
    for (const layer of attention!)
      for (const [position, row] of layer.entries()) {
        expect(row.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 5);
        for (const [key, value] of row.entries())
          (visibility![position]![key] === '1' ? allowed : forbidden).push(value);
      }
    expect(forbidden.length).toBeGreaterThan(0);
    expect(Math.max(...forbidden)).toBe(0);
    expect(Math.min(...allowed)).toBeGreaterThan(0);
    // The last layer of the lens is what the model says.
    expect(lens!.at(-1)!.layers.at(-1)).toEqual(trace.distribution);
    expect(lens!.map(({ layers }) => layers.length)).toEqual(lens!.map(() => reasoner.model.dimensions.layers + 1));
  });

  it('without a table of who sees whom tells roles all the same', async () => {
    const { reasoner, questions, answers } = await ask({ visibility: 'all' });
    const trace = await traceAnswer({ reasoner, question: questions[1]!, answer: answers[1]! });
    expect(trace.visibility).toBeNull();
    for (const role of ['image', 'question', 'caption', 'answer'])
      expect(
        trace.positions.some((position) => position.role === role),
        role,
      ).toBe(true);
  });
});

describe('edits of thoughts', () => {
  it('with another’s thoughts the answer is computed as thinkAgain does, stage after stage', async () => {
    const { reasoner, questions, answers, seen } = await ask({ family: 'llama' });
    const edit = (stage: string) =>
      editThoughts({ own: seen[0]!, another: seen[1]!, edits: [{ kind: 'another', stage }] });
    const one = await changeThoughts({
      reasoner,
      question: questions[0]!,
      answer: answers[0]!,
      changes: edit('caption'),
    });
    const [again] = await thinkAgain({
      reasoner,
      questions: [questions[0]!],
      answers: [answers[0]!],
      stage: 'caption',
      thoughts: [seen[1]!.filter(({ stage }) => stage === 'caption')],
    });
    expect(one.answer.ids).toEqual(again!.ids);
    // The later stage is given over too: what it was made from counts no more.
    const both = await changeThoughts({
      reasoner,
      question: questions[0]!,
      answer: answers[0]!,
      changes: [...edit('reasoning'), ...edit('caption')],
    });
    const last = await changeThoughts({
      reasoner,
      question: questions[0]!,
      answer: answers[0]!,
      changes: edit('reasoning'),
    });
    expect(both.places.length).toBe(2 * last.places.length);
    const [own, captions, reasonings, all] = await answersUnder({
      reasoner,
      question: questions[0]!,
      answer: answers[0]!,
      // In the own response, whatever was thought anew.
      changes: [{ places: [], hidden: [] }, one, last, both].map(({ places, hidden }) => ({ places, hidden })),
    });
    expect(captions!.logProbability).not.toBeCloseTo(own!.logProbability, 3);
    expect(all!.logProbability).toBeCloseTo(reasonings!.logProbability, 4);
  });

  it('leave the thoughts alone where nothing is mixed in, and refuse what is not there', async () => {
    const { seen } = await ask({ family: 'llama' });
    const own = seen[0]!;
    const [same] = editThoughts({ own, edits: [{ kind: 'noise', stage: 'caption', amount: 0 }] });
    expect(same!.thoughts.map((thought) => thought!.state)).toEqual(
      own.filter(({ stage }) => stage === 'caption').map(({ state }) => state),
    );
    const [noisy] = editThoughts({
      own,
      edits: [{ kind: 'noise', stage: 'caption', amount: 1, index: 1 }],
      segment: 12,
    });
    expect(noisy!.thoughts[0]).toBe(own.find(({ stage }) => stage === 'caption'));
    const norm = (vector: Float32Array) => Math.hypot(...vector.subarray(0, 12));
    expect(norm(noisy!.thoughts[1]!.state)).toBeCloseTo(
      norm(own.filter(({ stage }) => stage === 'caption')[1]!.state),
      4,
    );
    const [mean] = editThoughts({ own, examples: seen, edits: [{ kind: 'mean', stage: 'summary' }] });
    expect(mean!.thoughts[0]!.state[3]).toBeCloseTo(
      seen.reduce((sum, [first]) => sum + first!.state[3]! / seen.length, 0),
      5,
    );
    const [turned] = editThoughts({ own, edits: [{ kind: 'order', stage: 'reasoning', order: [1, 0] }] });
    expect(turned!.thoughts.map((thought) => thought!.state)).toEqual([own[5]!.state, own[4]!.state]);
    expect(editThoughts({ own, edits: [{ kind: 'cut', stage: 'summary', index: 0 }] })[0]!.thoughts[0]).toBeNull();
    for (const edits of [
      [{ kind: 'zeros', stage: 'nowhere' } as const],
      [{ kind: 'zeros', stage: 'summary', index: 2 } as const],
      [{ kind: 'order', stage: 'summary', order: [0, 2] } as const],
      [{ kind: 'another', stage: 'summary' } as const],
    ])
      expect(() => editThoughts({ own, edits })).toThrow(/stage|thought|example/);
  });
});

describe('what an answer needs', () => {
  it('is measured against the own answer; with every thought cut it is what it is to any other question', async () => {
    const { reasoner, questions, answers, seen } = await ask({
      family: 'llama',
      // As long as each other: positions count.
      words: ['what is it ?', 'what has you ?'],
    });
    const asked = { reasoner, question: questions[0]!, answer: answers[0]! };
    const needs = await neededThoughts({ ...asked, another: seen[1]! });
    expect(needs.map(({ stage, index }) => `${stage} ${index}`)).toEqual(
      ['summary', 'caption', 'reasoning'].flatMap((stage) => [`${stage} null`, `${stage} 0`, `${stage} 1`]),
    );
    const whole = needs.filter(({ stage, index }) => stage === 'reasoning' && index === null)[0]!;
    expect(Math.abs(whole.cut.lost)).toBeGreaterThan(1e-3);
    expect(Math.abs(whole.another!.lost)).toBeGreaterThan(1e-4);
    const [own] = await answersUnder({ ...asked, changes: [{ places: [], hidden: [] }] });
    const early = await earlyAnswers(asked);
    expect(early).toHaveLength(7);
    expect(early.at(-1)!.logProbability).toBeCloseTo(own!.logProbability, 5);
    const same = { ...answers[1]!, ids: answers[0]!.ids };
    const [other] = await earlyAnswers({ reasoner, question: questions[1]!, answer: same });
    expect(other!.logProbability).toBeCloseTo(early[0]!.logProbability, 4);
    const full = (await earlyAnswers({ reasoner, question: questions[1]!, answer: same })).at(-1)!;
    expect(full.logProbability).not.toBeCloseTo(own!.logProbability, 3);
  });
});
