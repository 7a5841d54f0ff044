import { hopsFrom, type GraphFacts } from '@subtext/data';

/**
 * The class of a node for the k-th thought. `optimal`: k hops from the root, on a shortest path to the target.
 * `frontier`: the other nodes k hops away. `reachable`: fewer hops away, the root included. `unreachable`: not reached
 * within k hops.
 */
export type NodeClass = 'optimal' | 'frontier' | 'reachable' | 'unreachable';

/** In the order expected of a superposed search frontier (arXiv 2505.12514, figure 5). */
export const nodeClasses: readonly NodeClass[] = ['optimal', 'frontier', 'reachable', 'unreachable'];

/** The class of each node for the k-th thought. */
export function classifyNodes({ facts, hop }: { facts: GraphFacts; /** k, from 1. */ hop: number }): NodeClass[] {
  const hops = hopsFrom({ edges: facts.edges, root: facts.root });
  const optimal = new Set(facts.neighborsByHop[hop] ?? []);
  return facts.symbols.map((_, node) => {
    const away = hops.get(node);
    if (away === undefined || away > hop) return 'unreachable';
    if (away < hop) return 'reachable';
    return optimal.has(node) ? 'optimal' : 'frontier';
  });
}
