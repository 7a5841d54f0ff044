import { generateProsQA, type GraphFacts } from '@subtext/data';
import { Reasoner } from '@subtext/reasoner';
import { useEngine } from '@subtext/tensor';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { askedGraph } from '../tasks/prosqa-graph';
import { frontierWeights, walkFrontier } from './frontier-weights';

let reasoner: Reasoner;
beforeAll(async () => {
  await useEngine({ engine: 'wasm' });
  reasoner = await Reasoner.load({
    folder: fileURLToPath(new URL('../../../../docs/results/checkpoints/graphs', import.meta.url)),
  });
});
afterAll(() => reasoner.dispose());

describe('frontier weights', () => {
  it('lie on the nodes that as many edges lead to, in the trained checkpoint', async () => {
    const examples = [...generateProsQA({ count: 40, seed: 987_654, hops: { minimum: 3, maximum: 4 } })].map(
      (example) => askedGraph({ example, facts: example.facts as GraphFacts }),
    );
    const answers = await reasoner.think({ questions: examples });
    const found = await frontierWeights({ reasoner, examples, answers });
    expect(found.map(({ thought }) => thought)).toEqual([1, 2, 3, 4]);
    expect(found[0]!.count).toBe(40);
    for (const { mass, share, totalVariation } of found) {
      expect(mass.value).toBeGreaterThan(0.8);
      expect(share.value).toBeLessThan(0.5);
      expect(totalVariation.value).toBeLessThan(0.4);
    }
    await expect(
      frontierWeights({ reasoner, examples: examples.map(({ facts: _, ...rest }) => rest), answers }),
    ).rejects.toThrow(/has no graph/);
    await expect(
      frontierWeights({ reasoner, examples, answers: answers.map((one) => ({ ...one, thoughts: [] })) }),
    ).rejects.toThrow(/without thoughts/);
  });

  it('follow every walk, whatever was visited before', () => {
    const edges: [number, number][] = [
      [0, 1],
      [1, 2],
      [0, 2],
      [2, 3],
    ];
    expect([1, 2, 3, 4].map((hops) => walkFrontier({ edges, root: 0 }, hops).sort())).toEqual([
      [1, 2],
      [2, 3],
      [3],
      [],
    ]);
  });
});
