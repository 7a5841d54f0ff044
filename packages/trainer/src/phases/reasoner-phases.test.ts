import { createMethod, type LayoutContext } from '@subtext/reasoner';
import { expect, it } from 'vitest';

import { reasonerPhases } from './reasoner-phases';

it('a method whose thoughts an interpreter supervises is not trained without one: it would be another method', () => {
  const examples = [{ id: '1', question: 'a', steps: [{ text: 'b' }], answer: 'c' }];
  const given = { plans: [], data: { examples, context: {} as LayoutContext, seed: 1, shards: 1 } };
  const phasesOf = (method: ReturnType<typeof createMethod>) =>
    reasonerPhases({ ...given, data: { ...given.data, method } });
  expect(() => phasesOf(createMethod({ name: 'sim-cot' }))).toThrow(
    expect.objectContaining({
      code: 'invalid-option',
      message: expect.stringMatching(/^The method "sim-cot" .*reasonerPhases the objectives of prepareInterpreters/),
    }),
  );
  expect(phasesOf(createMethod({ name: 'coconut' }))).toEqual([]);
});
