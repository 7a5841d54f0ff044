import { expect, it } from 'vitest';

import { formatGraphQuestion, parseGraphQuestion } from './graph-question';

it('reads what it writes, and a question whose graph a knowledge pack holds', () => {
  const question = {
    edges: [[0, 3] as [number, number], [3, 7] as [number, number]],
    candidates: [7, 9] as [number, number],
    root: 0,
  };
  expect(parseGraphQuestion(formatGraphQuestion(question))).toEqual(question);
  expect(parseGraphQuestion('[Q] 7 9 [R] 0')).toEqual({ ...question, edges: [] });
});

it.each(['', '0 3 [R] 0', '| [Q] 7 9 [R] 0', '0 3 | [Q] 7 9 [R] 0', '0 x [Q] 7 9 [R] 0'])('refuses %j', (text) => {
  expect(() => parseGraphQuestion(text)).toThrow(/is not a question over a graph/);
});
