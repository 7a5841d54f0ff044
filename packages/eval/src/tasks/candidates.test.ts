import type { ReasoningExample } from '@subtext/data';
import { expect, it } from 'vitest';
import { isCandidate } from './evaluation-task';

const graph = {
  kind: 'graph' as const,
  edges: [
    [0, 1],
    [1, 2],
    [1, 3],
  ] as [number, number][],
  root: 0,
  target: 2,
  negativeTarget: 4,
  symbols: ['Tom', 'a', 'lempus', 'c', 'gwompus'],
  neighborsByHop: [[0], [1], [2]],
};
const example = (rest: Partial<ReasoningExample>): ReasoningExample => ({
  id: '1',
  question: 'q',
  steps: [],
  answer: 'a',
  ...rest,
});

it('knows which answers a question allows', () => {
  const numbers = example({ facts: graph, answer: '2' });
  expect(['2', '4', '3', 'x'].map((answer) => isCandidate({ example: numbers, answer }))).toEqual([
    true,
    true,
    false,
    false,
  ]);
  const words = example({ facts: graph, answer: 'Tom is a lempus.' });
  expect(
    ['Tom is a gwompus', 'tom is a lempus.', 'Tom is a c', 'Ann is a lempus'].map((answer) =>
      isCandidate({ example: words, answer }),
    ),
  ).toEqual([true, true, false, false]);
  const options = example({
    facts: {
      kind: 'choice',
      options: [
        { letter: 'A', text: 'red' },
        { letter: 'B', text: 'blue' },
      ],
    },
    answer: 'A',
  });
  expect(['A', 'B', 'blue', 'C'].map((answer) => isCandidate({ example: options, answer }))).toEqual([
    true,
    true,
    true,
    false,
  ]);
  expect(isCandidate({ example: example({}), answer: 'anything' })).toBe(true);
});
