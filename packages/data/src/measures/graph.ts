type Edges = readonly (readonly [number, number])[];

/** Where the edges from each node lead, in the order in which they are told. */
function successors(edges: Edges): Map<number, number[]> {
  const next = new Map<number, number[]>();
  for (const [source, target] of edges) {
    const known = next.get(source);
    if (known) known.push(target);
    else next.set(source, [target]);
  }
  return next;
}

/** Hops from `root` to every node that can be reached, by breadth-first search: in the time that reading the edges takes. */
export function hopsFrom(options: { edges: Edges; root: number }): Map<number, number> {
  return hopsOver(successors(options.edges), options.root);
}

/** {@link hopsFrom} every node of a graph of so many nodes; the edges are gone through once. */
export function hopsFromEach(options: { edges: Edges; nodes: number }): Map<number, number>[] {
  const next = successors(options.edges);
  return Array.from({ length: options.nodes }, (_, root) => hopsOver(next, root));
}

function hopsOver(next: ReadonlyMap<number, readonly number[]>, root: number): Map<number, number> {
  const hops = new Map([[root, 0]]);
  for (const [node, count] of hops)
    for (const target of next.get(node) ?? []) if (!hops.has(target)) hops.set(target, count + 1);
  return hops;
}

/** For each k, the nodes k hops from the root on some shortest path to the target, in rising order; empty where no path leads. */
export function shortestPathNodes(options: { edges: Edges; root: number; target: number }): number[][] {
  const { edges, root, target } = options;
  const down = hopsFrom({ edges, root });
  const length = down.get(target);
  if (length === undefined) return [];
  const up = hopsFrom({ edges: edges.map(([from, to]) => [to, from] as const), root: target });
  const nodes = Array.from({ length: length + 1 }, (): number[] => []);
  for (const [node, hops] of down) if (up.has(node) && hops + up.get(node)! === length) nodes[hops]!.push(node);
  return nodes.map((level) => level.sort((a, b) => a - b));
}
