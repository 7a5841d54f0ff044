import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { readProsQA } from '../formats/coconut-json';
import type { GraphFacts } from '../reasoning-example';
import { compareGraphs } from './compare-graphs';
import { contentKey } from './content-key';
import { hopsFrom, shortestPathNodes } from './graph';
import { graphShapeKey } from './graph-shape-key';

const edges = 100_000;
const star: [number, number][] = Array.from({ length: edges }, (_, node) => [0, node + 1]);
const chain: [number, number][] = Array.from({ length: edges }, (_, node) => [node, node + 1]);
const symbols = Array.from({ length: edges + 1 }, (_, node) => `n${node}`);

test.each([
  ['a star', star, 1],
  ['a chain', chain, edges],
  [
    'many equal edges',
    [...Array.from({ length: edges }, (): [number, number] => [0, 1]), [0, 2]] as [number, number][],
    1,
  ],
] as const)(
  '%s of 100,000 edges is measured in the time that reading it takes',
  async (_, drawn, hops) => {
    const target = hops === 1 ? 1 : edges;
    // Of the processor: other work on the machine does not count.
    const began = process.cpuUsage();
    expect(hopsFrom({ edges: drawn, root: 0 }).get(target)).toBe(hops);
    expect(shortestPathNodes({ edges: drawn, root: 0, target })).toHaveLength(hops + 1);
    const facts: GraphFacts = {
      kind: 'graph',
      edges: [...drawn],
      root: 0,
      target,
      negativeTarget: 2,
      symbols,
      neighborsByHop: shortestPathNodes({ edges: drawn, root: 0, target }),
    };
    expect(graphShapeKey(facts)).toHaveLength(16);
    const example = { id: '1', question: 'q', steps: [], answer: 'a', facts };
    expect(await contentKey(example)).toHaveLength(64);
    const { rows } = await compareGraphs({ left: [example, example], right: [example, example] });
    expect(rows.find(({ measure }) => measure === 'edges')!.left.mean).toBe(drawn.length);
    expect(process.cpuUsage(began).user).toBeLessThan(15e6);
  },
  240_000,
);

test('a file with such a graph, its neighbours given, is read', async () => {
  const file = join(await mkdtemp(join(tmpdir(), 'subtext-star-')), 'star.json');
  const record = {
    question: 'q',
    answer: 'a',
    steps: ['s'],
    idx_to_symbol: symbols,
    edges: [...star, ...star.slice(1).map(([, node]) => [node, 1])],
    root: 0,
    target: 1,
    neg_target: 2,
  };
  const wide = {
    ...record,
    edges: [...star.slice(2), ...star.slice(2).map(([, node]) => [node, 1])],
    neighbor_k: { 0: [0], 1: star.slice(2).map(([, node]) => node), 2: [1] },
  };
  await writeFile(file, JSON.stringify([record, wide]));
  const examples = await readProsQA({ file, strict: true }).toArray();
  expect(examples.map(({ category }) => category)).toEqual(['1 hops', '2 hops']);
}, 240_000);

test('the shape of a graph is told as before in graphs of the published size', () => {
  const facts = {
    edges: [
      [0, 1],
      [1, 2],
      [0, 3],
    ] as [number, number][],
    symbols: ['a', 'b', 'c', 'd'],
    root: 0,
    target: 2,
    negativeTarget: 3,
  };
  expect(graphShapeKey(facts)).not.toBe(
    graphShapeKey({
      ...facts,
      edges: [
        [0, 1],
        [1, 2],
        [1, 3],
      ],
    }),
  );
});
