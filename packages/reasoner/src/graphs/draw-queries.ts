import { randomAt } from '../batches/counter-random';
import type { GraphExample } from './graph-example';
import { GRAPH_NODES } from './graph-vocabulary';

/** A question drawn over a graph, in the graph's own node numbers. */
export interface GraphQuery {
  root: number;
  /** Led to by the root, `depth` hops away. */
  target: number;
  /** Not led to by the root. */
  negativeTarget: number;
  depth: number;
}

/** Uniform numbers by counters: a stream without a state to save. */
export class CounterStream {
  readonly #counters: readonly number[];
  #drawn = 0;

  constructor(...counters: readonly number[]) {
    this.#counters = counters;
  }

  /** A whole number in [0, limit). */
  integer(limit: number): number {
    return Math.floor(randomAt(...this.#counters, this.#drawn++) * limit);
  }

  chance(probability: number): boolean {
    return randomAt(...this.#counters, this.#drawn++) < probability;
  }

  pick<Value>(values: readonly Value[]): Value {
    return values[this.integer(values.length)]!;
  }

  /** A copy in random order. */
  shuffle<Value>(values: readonly Value[]): Value[] {
    const shuffled = [...values];
    for (let index = shuffled.length - 1; index > 0; index--) {
      const other = this.integer(index + 1);
      [shuffled[index], shuffled[other]] = [shuffled[other]!, shuffled[index]!];
    }
    return shuffled;
  }
}

/**
 * Draws questions over one graph. The first is the one that came with it, if its target is not too deep. Each other has a
 * target `deepest` hops away in half of the cases, else 1 to `deepest` hops, or as deep as the graph goes; its root is any
 * node from which one reaches so deep; its distractor any node that the root does not lead to, in half of the cases a leaf.
 */
export function drawQueries({
  graph,
  count,
  deepest,
  random,
}: {
  graph: GraphExample;
  count: number;
  deepest: number;
  random: CounterStream;
}): GraphQuery[] {
  const { nodes, hops, depths, isLeaf, own } = graph;
  const all = Array.from({ length: nodes }, (_, node) => node);
  const hopsTo = (root: number, node: number) => hops[root * nodes + node]!;
  const asked = { ...own, depth: hopsTo(own.root, own.target) };
  const queries: GraphQuery[] = asked.depth <= deepest ? [asked] : [];
  // Every root must leave a node that it does not lead to; the question's own root does.
  const roots = all.filter((root) => all.some((node) => hopsTo(root, node) < 0));
  while (queries.length < count) {
    let depth = random.chance(0.5) ? deepest : 1 + random.integer(deepest);
    while (!roots.some((root) => depths[root]! >= depth)) depth--;
    const root = random.pick(roots.filter((node) => depths[node]! >= depth));
    const target = random.pick(all.filter((node) => hopsTo(root, node) === depth));
    const unreached = all.filter((node) => hopsTo(root, node) < 0);
    const leaves = unreached.filter((node) => isLeaf[node]);
    const negativeTarget = random.pick(leaves.length > 0 && random.chance(0.5) ? leaves : unreached);
    queries.push({ root, target, negativeTarget, depth });
  }
  return queries;
}

/** New numbers for a graph's nodes, drawn from all that have tokens: a number then tells nothing about its node's place. */
export function drawNodeNumbers({ nodes, random }: { nodes: number; random: CounterStream }): number[] {
  return random.shuffle(Array.from({ length: GRAPH_NODES }, (_, number) => number)).slice(0, nodes);
}
