import type { Phase } from '@subtext/reasoner';
import { expect, it } from 'vitest';

import { planPhases } from './plan-phases';

const phase: Phase = { name: 'hide all', index: 0, kind: 'encode', hiddenStages: [] };
const plan = (given: Record<string, unknown>) =>
  planPhases({
    phases: [phase],
    examples: 64,
    training: { batchSize: 32, ...given },
  })[0]!;

it("a phase's own length stands in place of its kind's, whichever way each is given; the rest is its kind's", () => {
  const encode = { steps: 50, learningRate: 0.5, warmupSteps: 1 };
  expect(plan({ encode })).toMatchObject({ steps: 50, batchSize: 32, schedule: { learningRate: 0.5, warmupSteps: 1 } });
  expect(plan({ encode, phases: { 'hide all': { epochs: 3 } } })).toMatchObject({
    steps: 6,
    schedule: { learningRate: 0.5 },
  });
  expect(plan({ encode: { epochs: 9 }, phases: { 'hide all': { steps: 5, batchSize: 4 } } })).toMatchObject({
    steps: 5,
    batchSize: 4,
  });
  expect(plan({ encode: { epochs: 2 }, phases: { 'hide all': { batchSize: 64 } } })).toMatchObject({
    steps: 2,
    batchSize: 64,
  });
});
