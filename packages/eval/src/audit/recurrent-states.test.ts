import type { ReasoningExample } from '@subtext/data';
import type { Reasoner } from '@subtext/reasoner';
import { useEngine } from '@subtext/tensor';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { randomRecurrentReasoner } from '../../../reasoner/test/recurrent-world';
import { formatTask } from '../tasks/format-task';
import { auditThoughts } from './audit-thoughts';
import { cutThoughts, replaceByAnother, replaceByZeros } from './interventions';
import { RecurrentStates } from './recurrent-states';

const task = formatTask({ format: 'coconut-json', score: 'exact' });
const examples: ReasoningExample[] = ['1 . 3', '. 2 4', '4 3 .', '2 . 1'].map((question, index) => ({
  id: `${index}`,
  question,
  steps: [],
  answer: '1 2 3',
}));
let reasoner: Reasoner;
let subject: RecurrentStates;
beforeAll(async () => {
  await useEngine({ engine: 'wasm' });
  reasoner = randomRecurrentReasoner({ method: { name: 'recurrent', recurrences: 4 } });
  subject = new RecurrentStates({ reasoner, task, batch: 3 });
});
afterAll(() => reasoner.dispose());

it('answers as the reasoner does, and collects the states of the first half', async () => {
  const own = await reasoner.think({ questions: examples });
  expect((await subject.answers({ examples })).map(({ answer }) => answer)).toEqual(own.map(({ answer }) => answer));
  const states = await subject.collect({ examples });
  // Two of four recurrences; <s>, three cells and the end, of width 8.
  expect(states.map((list) => list.map(({ length }) => length))).toEqual(examples.map(() => [40, 40]));
  const samples = await subject.run({ examples, intervention: null });
  expect(samples.map(({ answer }) => answer)).toEqual(
    own.map(({ answer }, row) => task.score({ prediction: answer!, example: examples[row]! }).extracted),
  );
  for (const { negativeLogLikelihood } of samples) expect(negativeLogLikelihood).toBeGreaterThan(0);
});

it('puts other states in the place of the half, and leaves out what a cut leaves out', async () => {
  const thoughts = await subject.collect({ examples });
  const own = await subject.run({ examples, intervention: null });
  // Own states in their own places change nothing.
  const same = { ...replaceByZeros({ thoughts }), thoughts };
  const again = await subject.run({ examples, intervention: same });
  for (const [row, { negativeLogLikelihood }] of again.entries())
    expect(negativeLogLikelihood).toBeCloseTo(own[row]!.negativeLogLikelihood, 4);
  const another = await subject.run({ examples, intervention: replaceByAnother({ thoughts }) });
  expect(another.map((one) => one.negativeLogLikelihood)).not.toEqual(own.map((one) => one.negativeLogLikelihood));
  const cut = await subject.run({ examples, intervention: cutThoughts({ thoughts, kept: 0 }) });
  const two = await reasoner.think({ questions: examples, recurrences: 2 });
  expect(cut.map(({ answer }) => answer)).toEqual(
    two.map(({ answer }, row) => task.score({ prediction: answer!, example: examples[row]! }).extracted),
  );
});

it('exchanges the state after some recurrences; who has no partner keeps its own', async () => {
  const stages = await subject.stages({ examples });
  expect(stages.map(({ name }) => name)).toEqual([
    'after 1 recurrence',
    ...['after 2 recurrences', 'after 3 recurrences', 'after 4 recurrences'],
  ]);
  const own = await subject.run({ examples, intervention: null });
  const swapped = await subject.swap({
    examples,
    stage: 'after 3 recurrences',
    partners: Int32Array.of(1, -1, -1, -1),
  });
  expect(swapped.slice(1)).toEqual(own.slice(1).map(({ answer }) => answer));
  // After the last recurrence nothing follows: the answer is read off the other's state.
  const last = await subject.swap({ examples, stage: 'after 4 recurrences', partners: Int32Array.of(1, 2, 3, 0) });
  expect(last).toEqual([1, 2, 3, 0].map((partner) => own[partner]!.answer));
});

it('exchanges after as many recurrences as powers of two have gone before, or are still to follow', async () => {
  const eight = randomRecurrentReasoner({ method: { name: 'recurrent', recurrences: 8 } });
  const stages = await new RecurrentStates({ reasoner: eight, task }).stages({ examples });
  expect(stages.map(({ name }) => Number(name.split(' ')[1]))).toEqual([1, 2, 4, 6, 7, 8]);
  eight.dispose();
});

it('is judged as every other model is, and refuses a core that is run once or an answer of another length', async () => {
  const audit = await auditThoughts({ subject, examples });
  expect(audit.interventions.map(({ kind }) => kind)).toEqual([
    ...['zeros', 'mean', 'noise', 'another', 'permuted', 'cut', 'cut', 'swapped'],
  ]);
  const once = randomRecurrentReasoner({ method: { name: 'recurrent', recurrences: 1 } });
  expect(() => new RecurrentStates({ reasoner: once, task })).toThrow(/With 1 recurrence .* none to exchange/);
  once.dispose();
  const other = new RecurrentStates({ reasoner, task });
  await expect(other.run({ examples: [{ ...examples[0]!, answer: '1 2' }], intervention: null })).rejects.toThrow(
    /answer of 0 has 2 tokens and its question 3/,
  );
});
