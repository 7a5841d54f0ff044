import type { ReasoningExample } from '@subtext/data';
import type { Answer } from '@subtext/reasoner';
import { expect, it } from 'vitest';

import { scoreExplanations } from './score-explanations';
import { explanationRequests, thoughtConditions } from './thought-conditions';

const thought = (value: number, stage = 'caption') => ({
  stage,
  index: 0,
  position: 0,
  hidden: Float32Array.of(value),
});
const answer = (...thoughts: ReturnType<typeof thought>[]) => ({ thoughts }) as unknown as Answer;
const example = (id: string, ...names: string[]): ReasoningExample => ({
  id,
  question: `q${id}`,
  steps: names.map((name) => ({ name, text: `the ${name} of ${id}` })),
  answer: 'a',
});

it('never gives an example its own thoughts as another’s, nor one of another number', () => {
  const answers = [answer(thought(1), thought(2)), answer(thought(3)), answer(thought(4)), answer()];
  const examples = ['0', '1', '2', '3'].map((id) => example(id, 'caption'));
  const another = explanationRequests({ answers, examples, stage: 'caption', condition: 'another' });
  // The first is alone with two thoughts: it has no such control. The last has no thought to exchange.
  expect(another.indices).toEqual([1, 2, 3]);
  expect(another.requests.map((one) => one?.states[0]?.[0])).toEqual([4, 3, undefined]);
  expect(
    explanationRequests({ answers, examples, stage: 'caption', condition: 'own' }).requests.map((one) =>
      one?.states.map(([value]) => value),
    ),
  ).toEqual([[1, 2], [3], [4], undefined]);
  const lone = explanationRequests({
    answers: answers.slice(0, 2),
    examples: examples.slice(0, 2),
    stage: 'caption',
    condition: 'another',
  });
  expect(lone).toEqual({ indices: [], requests: [] });
});

it('passes over examples whose chain lacks the stage, and takes a missing thought for an empty text', () => {
  const examples = [
    example('0', 'caption', 'reasoning'),
    example('1', 'caption'),
    example('2', 'caption', 'reasoning'),
  ];
  const answers = [answer(thought(1, 'reasoning')), answer(thought(2, 'reasoning')), answer()];
  for (const condition of thoughtConditions) {
    const { indices, requests } = explanationRequests({ answers, examples, stage: 'reasoning', condition });
    expect(indices).not.toContain(1);
    expect(requests.at(-1)).toBeNull();
    const score = scoreExplanations({
      explanations: requests.map((one) => (one === null ? '' : 'the reasoning of 0')),
      stage: 'reasoning',
      examples: indices.map((index) => examples[index]!),
    });
    expect(score.count).toBe(indices.length);
    expect(score.exact).toBe(condition === 'another' ? 1 / 2 : 0.5);
  }
});
