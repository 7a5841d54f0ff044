import { generateProsQA, type GraphFacts } from '@subtext/data';
import { expect, it } from 'vitest';

import type { SampleRecord } from '../results/sample-record';
import { failingGraphs } from './failing-graphs';

const examples = [...generateProsQA({ count: 120, seed: 8, hops: { minimum: 3, maximum: 4 } })];
const hopsOf = (index: number) => (examples[index]!.facts as GraphFacts).neighborsByHop.length - 1;
const run = (right: (index: number) => boolean) => ({
  samples: examples.map((_, index) => ({ exact_match: right(index) ? 1 : 0 }) as unknown as SampleRecord),
});

it('finds what sets the graphs that fail apart', async () => {
  const found = await failingGraphs({
    cell: 'coconut',
    // The second seed fails on some of what the first fails on.
    runs: [run((index) => hopsOf(index) === 3), run((index) => hopsOf(index) === 3 || index % 2 === 0)],
    examples,
    metric: 'exact_match',
  });
  const four = examples.filter((_, index) => hopsOf(index) === 4).length;
  const byAll = examples.filter((_, index) => hopsOf(index) === 4 && index % 2 === 1).length;
  expect(found!.questions).toEqual({ failed: four, failedByAll: byAll, right: examples.length - four });
  const hops = found!.rows.find(({ measure }) => measure === 'nodes on shortest paths')!;
  expect(hops.failed).toBeGreaterThan(hops.right);
  expect(hops.standardErrors).toBeGreaterThan(3);
  const sizes = found!.rows.map(({ standardErrors }) => Math.abs(standardErrors));
  expect(sizes).toEqual([...sizes].sort((one, other) => other - one));
});

it('tells nothing where hardly a question fails', async () => {
  const runs = [run((index) => index !== 3)];
  expect(await failingGraphs({ cell: 'x', runs, examples, metric: 'exact_match' })).toBeUndefined();
});
