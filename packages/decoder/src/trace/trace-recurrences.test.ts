import { useEngine } from '@subtext/tensor';
import { expect, it } from 'vitest';

import { randomRecurrentReasoner } from '../../../reasoner/test/recurrent-world';
import { traceAnswer } from './trace-answer';

it('tells what a recurrent reasoner said after each recurrence, at the positions of its question', async () => {
  await useEngine({ engine: 'wasm' });
  const reasoner = randomRecurrentReasoner();
  const question = { question: '1 . 3' };
  const [answer] = await reasoner.think({ questions: [question], recurrences: 6 });
  const trace = await traceAnswer({ reasoner, question, answer: answer!, attention: true, lens: true });
  reasoner.dispose();
  expect(trace.recurrences).toEqual(answer!.recurrences);
  expect(trace.recurrences).toHaveLength(6);
  expect(trace.answer).toBe(answer!.answer);
  expect(trace.positions.map(({ text, role }) => [text, role])).toEqual([
    ['<s>', ''],
    ['1', 'question'],
    ['.', 'question'],
    ['3', 'question'],
    ['</s>', ''],
  ]);
  expect(JSON.parse(JSON.stringify(trace))).toEqual(trace);
});
