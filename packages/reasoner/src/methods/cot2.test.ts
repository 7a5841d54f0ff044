import type { ReasoningExample } from '@subtext/data';
import { createModel, type LanguageModel } from '@subtext/model';
import { tf, useEngine } from '@subtext/tensor';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { smallContext } from '../../test/small-world';
import { collateLayouts } from '../batches/reasoner-batch';
import { embedBatch } from '../forward/embed-batch';
import { Reasoner } from '../reasoner/reasoner';
import { latentTokens } from './latent-prompt';
import { IGNORED_LABEL } from './reasoning-method';
import { createMethod } from './registry';

const example: ReasoningExample = {
  id: 'one',
  question: '3 5',
  steps: [{ text: '1 2' }, { text: '4 1 1 7' }],
  answer: '6',
};
const specification = { name: 'cot2', count: 2 } as const;
const method = createMethod(specification);
const context = smallContext({ specialTokens: method.specialTokens({ stages: [] }) });
const idOf = (word: string) => context.tokenizer.encode(word, { addSpecialTokens: false }).ids[0]!;
const stages = ['step_1', 'step_2'];
const [phase] = method.curriculum({ stages });

const everyId = () => tf.reshape(tf.range(0, context.tokenizer.vocabularySize, 1, 'int32'), [1, -1]) as tf.Tensor2D;

let model: LanguageModel;
let reasoner: Reasoner;
beforeAll(async () => {
  await useEngine({ engine: 'cpu' });
  const vocabulary = context.tokenizer.vocabularySize;
  model = createModel({
    config: {
      model_type: 'gpt2',
      vocab_size: vocabulary,
      n_positions: 32,
      n_embd: 8,
      n_layer: 1,
      n_head: 2,
      initializer_range: 0.4,
    },
    seed: 3,
  });
  reasoner = new Reasoner({
    model,
    tokenizer: context.tokenizer,
    settings: {
      format: 1,
      method: specification,
      stages,
      hiddenStages: stages,
      reasoningFormat: 'lines',
      prefix: ['<s>'],
      endToken: '</s>',
      thoughtReading: 'before',
      longestResponse: 4,
    },
  });
});
afterAll(() => reasoner.dispose());

it('lays out a mixture for each thought, predicted by the state before it, and the same prompt as in answering', () => {
  const layout = method.layout({ example, phase: phase!, context });
  const prompt = method.prompt({ example, context });
  expect(layout.ids.slice(0, layout.promptLength)).toEqual(prompt);
  expect(layout.thoughts).toEqual(method.promptThoughts!({ example, context }));
  const at = prompt.length - 2;
  expect(prompt.slice(at)).toEqual([0, 1].map(() => context.tokenizer.idOf(latentTokens.latent)));
  const shares = [
    { ids: [idOf('1'), idOf('2')], weights: [0.5, 0.5] },
    { ids: [idOf('4'), idOf('1'), idOf('7')], weights: [0.25, 0.5, 0.25] },
  ];
  expect(layout.inputs).toEqual(shares.map((share, index) => ({ position: at + index, ...share })));
  expect(layout.parts?.['soft-targets']?.targets).toEqual(
    shares.map((share, index) => ({ position: at + index - 1, ...share })),
  );
  expect(layout.labels.slice(0, prompt.length).every((label) => label === IGNORED_LABEL)).toBe(true);
});

it('runs all positions in one pass, with states as if the mixtures had been fed one by one', async () => {
  const layout = method.layout({ example, phase: phase!, context });
  const batch = collateLayouts({ layouts: [layout], padId: 0, lossWeight: 1 });
  expect(batch.continuous).toBeUndefined();
  const states = tf.tidy(() => model.forward({ ...embedBatch({ model, ...batch }) }).hidden.arraySync()[0]!);
  const table = tf.tidy(() => model.embed(everyId()).arraySync());
  const mixtures = layout.inputs!.map((input) =>
    Float32Array.from({ length: 8 }, (_, unit) =>
      'ids' in input
        ? input.ids.reduce((sum, id, place) => sum + input.weights[place]! * table[0]![id]![unit]!, 0)
        : NaN,
    ),
  );
  let next = 0;
  const [answer] = await reasoner.think({ questions: [example], maxNewTokens: 1, nextInput: () => mixtures[next++]! });
  for (const [index, { hidden }] of answer!.thoughts.entries())
    for (const [unit, value] of hidden.entries())
      expect(Math.abs(value - states[layout.thoughts[index]!.position - 1]![unit]!)).toBeLessThan(1e-5);
});

it('answers with the mixture of all embeddings by what the state before a thought predicts', async () => {
  const [answer] = await reasoner.think({ questions: [example], maxNewTokens: 2 });
  expect(answer!.tokens.thinking).toBe(2);
  for (const { hidden, input } of answer!.thoughts) {
    const expected = tf.tidy(() => {
      const shares = tf.softmax(model.logits(tf.tensor2d(hidden, [1, 8])));
      const table = model.embed(everyId());
      return tf.matMul(shares, tf.squeeze(table, [0]) as tf.Tensor2D).dataSync();
    });
    for (const [unit, value] of (input as Float32Array).entries())
      expect(Math.abs(value - expected[unit]!)).toBeLessThan(1e-5);
  }
});

it('refuses data without the states of a step, or with states of several tokens', () => {
  const lay = (steps: ReasoningExample['steps']) => () =>
    method.layout({ example: { ...example, steps }, phase: phase!, context });
  expect(lay([{ text: '1' }])).toThrow(/has no step 2/);
  expect(lay([{ text: '1' }, { text: '12 3' }])).toThrow(/"12" in step 2, which takes 2 tokens/);
  expect(() => method.curriculum({ stages: [] })).toThrow(/no example has a step/);
  const repeating = createMethod({ name: 'cot2', count: 2, repeatLast: true });
  expect(() => repeating.layout({ example: { ...example, steps: [] }, phase: phase!, context })).toThrow(
    /has no step 1/,
  );
});

it('takes the last word of each step alone, and the last step again where an example has fewer', () => {
  const last = createMethod({ name: 'cot2', count: 3, states: 'last', repeatLast: true });
  const { inputs, thoughts } = last.layout({ example, phase: phase!, context });
  expect(inputs).toEqual(
    ['2', '7', '7'].map((word, index) => ({ position: thoughts[index]!.position, ids: [idOf(word)], weights: [1] })),
  );
});
