/** Hops from `root` to every node that can be reached, by breadth-first search. */
export function hopsFrom(options: { edges: readonly (readonly [number, number])[]; root: number }): Map<number, number> {
  const next = new Map<number, number[]>();
  for (const [source, target] of options.edges) next.set(source, [...(next.get(source) ?? []), target]);
  const hops = new Map([[options.root, 0]]);
  for (const node of hops.keys()) {
    for (const target of next.get(node) ?? []) if (!hops.has(target)) hops.set(target, hops.get(node)! + 1);
  }
  return hops;
}

/** For each k, the nodes k hops from the root on some shortest path to the target, in rising order; empty where no path leads. */
export function shortestPathNodes(options: { edges: readonly (readonly [number, number])[]; root: number; target: number }): number[][] {
  const { edges, root, target } = options;
  const down = hopsFrom({ edges, root });
  const up = hopsFrom({ edges: edges.map(([from, to]) => [to, from] as const), root: target });
  const length = down.get(target);
  if (length === undefined) return [];
  const nodes = Array.from({ length: length + 1 }, (): number[] => []);
  for (const [node, hops] of down) if (up.has(node) && hops + up.get(node)! === length) nodes[hops]!.push(node);
  return nodes.map((level) => level.sort((a, b) => a - b));
}
