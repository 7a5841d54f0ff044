import type { ReasoningExample } from '@subtext/data';
import { createModel, nextTokenLoss } from '@subtext/model';
import { AdamW, RandomStream, tf, useEngine, valueAndGradients } from '@subtext/tensor';
import { trainWordLevelTokenizer } from '@subtext/tokenizer';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { collateLayouts } from '../batches/reasoner-batch';
import { embedBatch } from '../forward/embed-batch';
import {
  type Answer,
  createMethod,
  methodVisibility,
  Reasoner,
  replayAnswers,
  taggedFormat,
  type MethodSpecification,
  type VisibilityName,
} from '../index';

const numbers = ['3', '5', '7', '9'];
const animals = ['ant', 'bee', 'cat', 'dog'];
const stages = ['step_1'];
const method: MethodSpecification = { name: 'heima', textPhase: false, recovering: false };

/** Which number does something have? Questions have two lengths. */
function drawExamples({ count, seed }: { count: number; seed: number }): ReasoningExample[] {
  const random = new RandomStream({ seed });
  const draw = (list: readonly string[]) => list[Math.floor(random.uniform() * list.length)]!;
  return Array.from({ length: count }, (_, index) => {
    const number = draw(numbers);
    const question = `the ${draw(animals)} has ${index % 2 === 0 ? '' : ', as said , '}${number}`;
    return { id: `${index}`, question, steps: [{ text: `its number is ${number}` }], answer: number };
  });
}

/** A reasoner of one thinking token, from nothing. */
function trained(visibility: VisibilityName): Reasoner {
  const own = createMethod(method);
  const examples = drawExamples({ count: 64, seed: 1 });
  const tokenizer = trainWordLevelTokenizer({
    texts: examples.flatMap(({ question, answer }) => [question, answer]),
    split: 'whitespace',
    specialTokens: [...taggedFormat.tags({ stages }), ...own.specialTokens({ stages })],
  });
  const model = createModel({
    config: {
      model_type: 'llama',
      hidden_size: 32,
      intermediate_size: 64,
      num_hidden_layers: 2,
      num_attention_heads: 4,
      max_position_embeddings: 64,
      tie_word_embeddings: true,
      initializer_range: 0.1,
      vocab_size: tokenizer.vocabularySize,
    },
    seed: 5,
  });
  const reasoner = new Reasoner({
    model,
    tokenizer,
    settings: {
      format: 1,
      method,
      stages,
      hiddenStages: stages,
      reasoningFormat: 'tagged',
      prefix: ['<s>'],
      endToken: '</s>',
      thoughtReading: 'at',
      visibility: methodVisibility({ method: own, visibility, stages, image: false }),
      longestResponse: 12,
    },
  });
  const phase = own.curriculum({ stages }).at(-1)!;
  const context = reasoner.layoutContext();
  const layouts = examples.map((example) => reasoner.method.layout({ example, phase, context }));
  const batch = collateLayouts({ layouts, padId: 0, lossWeight: 1 });
  const labels = layouts.map((layout) => [
    ...layout.labels,
    ...new Array<number>(batch.time - layout.labels.length).fill(-100),
  ]);
  const optimizer = new AdamW({ parameters: model.parameters, learningRate: 8e-3 });
  for (let step = 0; step < 120; step++) {
    const { value, gradients } = valueAndGradients({
      parameters: model.parameters,
      compute: () => {
        const { embeddings, forwardExtras } = embedBatch({ model, ...batch });
        const { sum, count } = nextTokenLoss({
          model,
          hidden: model.forward({ ...forwardExtras, embeddings }).hidden,
          labels,
        });
        return tf.div(sum, count);
      },
    });
    optimizer.step({ gradients });
    tf.dispose([value, ...Object.values(gradients)]);
  }
  optimizer.dispose();
  return reasoner;
}

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
    for (const name of ['all', 'chain'] as const) reasoners.set(name, trained(name));
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
