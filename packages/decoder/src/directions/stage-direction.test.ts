import { RandomStream } from '@subtext/data';
import type { SeenThought } from '@subtext/reasoner';
import { describe, expect, it } from 'vitest';

import { stageDirection } from './stage-direction';

const width = 6;
/** Thoughts that lie around a place; unit 5 is loud and says nothing. */
function group({ at, count, seed, thoughts = 1 }: { at: number; count: number; seed: number; thoughts?: number }) {
  const random = new RandomStream({ seed, name: '' });
  return Array.from({ length: count }, () =>
    Array.from({ length: thoughts }, (_, index): SeenThought => ({
      stage: 'caption',
      index,
      state: Float32Array.from({ length: width }, (__, unit) =>
        unit === 2 ? at + 0.1 * random.uniform() : unit === 5 ? 10 * random.uniform() : 0.1 * random.uniform(),
      ),
      hidden: new Float32Array(2),
    })),
  );
}

describe('stageDirection', () => {
  const positive = group({ at: 3, count: 200, seed: 1, thoughts: 2 });
  const negative = group({ at: 1, count: 200, seed: 2, thoughts: 2 });

  it('leads from one group’s middle to the other’s, thought by thought', () => {
    const { stage, thoughts, next, source } = stageDirection({ positive, negative, source: 'three, not one' });
    expect({ stage, next, source }).toEqual({ stage: 'caption', next: undefined, source: 'three, not one' });
    expect(thoughts).toHaveLength(2);
    for (const vector of thoughts) {
      expect(vector[2]).toBeCloseTo(2, 1);
      expect(vector[0]).toBeCloseTo(0, 1);
    }
  });

  it('by a probe leaves out what does not tell the groups apart, and is as long as they are apart', () => {
    // The loud unit leans a little with the groups, by chance of this draw.
    const [means] = stageDirection({ positive, negative, source: '' }).thoughts;
    const [probe] = stageDirection({ positive, negative, kind: 'probe', source: '' }).thoughts;
    expect(probe![2]).toBeGreaterThan(1.7);
    expect(Math.abs(probe![5]!)).toBeLessThan(Math.abs(means![5]!));
  });

  it('without a second group is the mean itself: a thought that is added', () => {
    const [one] = group({ at: 3, count: 1, seed: 1 });
    expect(stageDirection({ positive: [one!], source: 'one thought' }).thoughts).toEqual([one![0]!.state]);
  });

  it('refuses groups that have no direction between them', () => {
    const refused = (options: Partial<Parameters<typeof stageDirection>[0]>) =>
      expect(() => stageDirection({ positive, negative, source: '', ...options }));
    refused({ positive: [] }).toThrow(expect.objectContaining({ code: 'empty-set' }) as Error);
    refused({ negative: [], kind: 'probe' }).toThrow(expect.objectContaining({ code: 'empty-set' }) as Error);
    refused({ negative: group({ at: 1, count: 2, seed: 1 }) }).toThrow(
      expect.objectContaining({ code: 'length-mismatch' }) as Error,
    );
    const narrow = negative.map((thoughts) => thoughts.map((thought) => ({ ...thought, state: new Float32Array(2) })));
    refused({ negative: narrow }).toThrow(/widths 6 and 2/);
  });
});
