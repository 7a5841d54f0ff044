import { describe, expect, it } from 'vitest';

import { generateProsQA } from '../generators/prosqa';
import { RandomStream } from '@subtext/core';
import type { GraphFacts } from '../reasoning-example';
import { graphShapeKey } from './graph-shape-key';

const graphs = [...generateProsQA({ count: 60, seed: 3 })].map(({ facts }) => facts as GraphFacts);

/** The same question with its nodes numbered and named otherwise and its edges in another order. */
function disguise(facts: GraphFacts, seed: number): GraphFacts {
  const random = new RandomStream({ seed, name: '' });
  const numbers = random.shuffle(facts.symbols.map((_, node) => node));
  const edges = random.shuffle(facts.edges).map(([from, to]): [number, number] => [numbers[from]!, numbers[to]!]);
  return {
    ...facts,
    edges,
    symbols: facts.symbols.map((_, node) => `n${node}`),
    root: numbers[facts.root]!,
    target: numbers[facts.target]!,
    negativeTarget: numbers[facts.negativeTarget]!,
  };
}

describe('graphShapeKey', () => {
  it('is the same for the same question under other names, numbers and orders', () => {
    for (const [index, facts] of graphs.entries())
      expect(graphShapeKey(disguise(facts, index))).toBe(graphShapeKey(facts));
  });

  it('differs between questions, and where one edge or what is asked differs', () => {
    expect(new Set(graphs.map(graphShapeKey)).size).toBe(graphs.length);
    for (const facts of graphs) {
      const [[from, to], ...rest] = facts.edges as [[number, number], ...[number, number][]];
      expect(graphShapeKey({ ...facts, edges: [[to, from], ...rest] })).not.toBe(graphShapeKey(facts));
      expect(graphShapeKey({ ...facts, target: facts.negativeTarget, negativeTarget: facts.target })).not.toBe(
        graphShapeKey(facts),
      );
    }
  });
});
