import { hopsFromEach, type ReasoningExample } from '@subtext/data';

import { ReasonerError } from '../errors';
import { GRAPH_NODES } from './graph-vocabulary';

/** A graph with what drawing questions over it needs. */
export interface GraphExample {
  nodes: number;
  edges: readonly (readonly [number, number])[];
  /** The question that came with the graph. */
  own: { root: number; target: number; negativeTarget: number };
  /** Hops from each node (row) to each node, −1 where no path leads: `[nodes · nodes]`. */
  hops: Int8Array;
  /** The most hops that any node is away from each node. */
  depths: Int8Array;
  /** Whether no edge leads on from each node. */
  isLeaf: boolean[];
}

/** Prepares a ProsQA example. Throws `invalid-option` where it has no graph, or one with too many nodes. */
export function graphExample({ id, facts }: Pick<ReasoningExample, 'id' | 'facts'>): GraphExample {
  if (facts?.kind !== 'graph')
    throw new ReasonerError({
      code: 'invalid-option',
      message: `Example ${id} has no graph: graph models train on ProsQA's graphs.`,
    });
  const nodes = facts.symbols.length;
  if (nodes > GRAPH_NODES)
    throw new ReasonerError({
      code: 'invalid-option',
      message: `The graph of example ${id} has ${nodes} nodes; there are tokens for ${GRAPH_NODES}.`,
    });
  const hops = new Int8Array(nodes * nodes).fill(-1);
  const depths = new Int8Array(nodes);
  for (const [root, reached] of hopsFromEach({ edges: facts.edges, nodes }).entries()) {
    for (const [node, count] of reached) {
      hops[root * nodes + node] = count;
      depths[root] = Math.max(depths[root]!, count);
    }
  }
  const inner = new Set(facts.edges.map(([source]) => source));
  return {
    nodes,
    edges: facts.edges,
    own: { root: facts.root, target: facts.target, negativeTarget: facts.negativeTarget },
    hops,
    depths,
    isLeaf: Array.from({ length: nodes }, (_, node) => !inner.has(node)),
  };
}
