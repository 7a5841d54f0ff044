import { changeThoughts, readThoughts, Reasoner, thinkAgain } from '@subtext/reasoner';
import { tf, useEngine } from '@subtext/tensor';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';

import { examplesFor, smallReasoner } from '../../../reasoner/test/small-reasoners';
import { answersUnder } from './answers-under';
import { editAnswer } from './edit-answer';
import { graphThoughts } from './graph-thoughts';
import { haltingChances } from './halting-chances';
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
  family = 'llava' as 'llava' | 'llama' | 'mllama',
  method = 'coconut' as 'coconut' | 'adaptive',
  words = undefined as string[] | undefined,
} = {}) => {
  reasoner = smallReasoner({
    family,
    method: { name: method, hiddenSteps: 3, thoughtsPerStep: 2 },
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

  it('of pictures that stand beside the text says where on them each position looks; a blind one looks nowhere', async () => {
    const { reasoner, questions, answers } = await ask({ family: 'mllama' });
    const trace = await traceAnswer({ reasoner, question: questions[0]!, answer: answers[0]!, attention: true });
    // Four of five layers look at words.
    expect(trace.attention).toHaveLength(4);
    const { tiles, layers } = trace.pictureAttention!;
    expect([tiles, layers.length]).toEqual([2, 1]);
    expect(layers[0]).toHaveLength(trace.positions.length);
    const sum = (stage: string) => {
      const at = trace.thoughts.find((thought) => thought.stage === stage)!.position;
      return layers[0]![at]!.reduce((total, value) => total + value, 0);
    };
    expect(sum('summary')).toBeCloseTo(1, 5);
    expect(sum('caption')).toBe(0);
    const unseen = await traceAnswer({ reasoner, question: questions[0]!, answer: answers[0]! });
    expect(unseen.pictureAttention).toBeUndefined();
  });

  it('without a visibility table tells roles all the same', async () => {
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

  it('of a model that looks at pictures between its words: its own thoughts change nothing, others do', async () => {
    const { reasoner, questions, answers, seen } = await ask({ family: 'mllama', visibility: 'all' });
    const asked = { reasoner, question: questions[0]!, answer: answers[0]! };
    const stage = 'caption';
    // Keys and values of the layers over words alone.
    expect(seen[0]![0]!.state).toHaveLength(4 * 2 * 12);
    const own = await editAnswer({ ...asked, edits: [{ kind: 'order', stage, order: [0, 1] }] });
    const other = await editAnswer({ ...asked, another: seen[1]!, edits: [{ kind: 'another', stage }] });
    const last = ({ answer }: { answer: { thoughts: { hidden: Float32Array }[] } }) => [
      ...answer.thoughts.at(-1)!.hidden,
    ];
    const difference = (one: number[], two: number[]) =>
      Math.max(...one.map((value, unit) => Math.abs(value - two[unit]!)));
    expect(difference(last(own), last({ answer: answers[0]! }))).toBeLessThan(1e-4);
    expect(difference(last(other), last({ answer: answers[0]! }))).toBeGreaterThan(1e-3);
    expect(own.places).toHaveLength(2);
    const before = tf.memory().numTensors;
    const needs = await neededThoughts({ ...asked, another: seen[1]! });
    expect(tf.memory().numTensors).toBe(before);
    expect(needs.every(({ cut }) => Number.isFinite(cut.lost))).toBe(true);
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

describe('a halting head', () => {
  it('is told after each number of thoughts: the model went on where it is above one half, and there alone', async () => {
    const { reasoner, questions, answers } = await ask({ family: 'llama', method: 'adaptive' });
    const most = reasoner.method.promptThoughts!({
      example: questions[0]!,
      stages: reasoner.settings.stages,
      context: reasoner.layoutContext(),
    }).length;
    for (const [row, answer] of answers.entries()) {
      const chances = (await haltingChances({ reasoner, question: questions[row]!, answer }))!;
      const { length } = answer.thoughts;
      expect(chances).toHaveLength(length + 1);
      expect(chances.map((chance) => chance > 0.5)).toEqual([
        ...new Array<boolean>(length).fill(true),
        length === most ? chances.at(-1)! > 0.5 : false,
      ]);
      const early = await earlyAnswers({ reasoner, question: questions[row]!, answer });
      expect(early.map(({ goesOn }) => goesOn)).toEqual(chances);
    }
  });

  it('is none where the number of thoughts is fixed', async () => {
    const { reasoner, questions, answers } = await ask({ family: 'llama' });
    expect(await haltingChances({ reasoner, question: questions[0]!, answer: answers[0]! })).toBeNull();
  });
});

describe('thoughts about a graph', () => {
  it('are told by the nodes that they hold, each by what it is to that thought', async () => {
    const folder = fileURLToPath(new URL('../../../../docs/results/checkpoints/graphs', import.meta.url));
    reasoner = await Reasoner.load({ folder });
    const question = { question: '0 3 | 3 5 | 0 4 | 5 8 | 1 2 | 2 9 [Q] 8 9 [R] 0' };
    const [answer] = await reasoner.think({ questions: [question] });
    const before = tf.memory().numTensors;
    const { nodes, target, thoughts, edges } = await graphThoughts({ reasoner, question, answer: answer! });
    expect(tf.memory().numTensors).toBe(before);
    expect(edges).toHaveLength(6);
    expect(target).toBe(8);
    expect(nodes).toEqual([
      { node: 0, hops: 0, role: 'root' },
      { node: 1, hops: null, role: null },
      { node: 2, hops: null, role: null },
      { node: 3, hops: 1, role: null },
      { node: 4, hops: 1, role: null },
      { node: 5, hops: 2, role: null },
      { node: 8, hops: 3, role: 'candidate' },
      { node: 9, hops: null, role: 'candidate' },
    ]);
    const [first] = thoughts;
    const classOf = (node: number) => first!.nodes.find((one) => one.node === node)!.class;
    expect([0, 3, 4, 5].map(classOf)).toEqual(['reachable', 'optimal', 'frontier', 'unreachable']);
    // What the first hop leads to is what the trained model's first thought holds most.
    expect(
      first!.nodes
        .slice(0, 2)
        .map(({ node }) => node)
        .sort(),
    ).toEqual([3, 4]);
    expect(first!.nodes.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 5);
    expect(answer!.answer).toBe('8');
  });

  it('are refused of a model that knows no nodes', async () => {
    const { reasoner, answers } = await ask({ family: 'llama' });
    const question = { question: '0 1 [Q] 0 1 [R] 0' };
    await expect(graphThoughts({ reasoner, question, answer: answers[0]! })).rejects.toThrow(
      /no tokens for node numbers/,
    );
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
