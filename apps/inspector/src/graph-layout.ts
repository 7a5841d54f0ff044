import type { GraphThoughts } from '@subtext/decoder';

/** Where a node stands: hops to the right, and within them evenly from top to bottom. */
export interface PlacedNode {
  node: number;
  x: number;
  y: number;
}

/**
 * Lays a graph out by hops from the root, which stands at the left: what it leads to in the upper part, in an order that
 * keeps edges short; what it does not lead to below, by how far it lies behind its own beginnings.
 */
export function layoutGraph({ edges, nodes }: Pick<GraphThoughts, 'edges' | 'nodes'>): PlacedNode[] {
  const led = columnsOf({
    nodes: nodes.filter(({ hops }) => hops !== null).map(({ node, hops }) => ({ node, column: hops! })),
    edges,
  });
  const others = nodes.filter(({ hops }) => hops === null).map(({ node }) => node);
  const depth = depthsOf({ nodes: others, edges });
  const left = columnsOf({ nodes: others.map((node) => ({ node, column: depth.get(node)! })), edges });
  const height = Math.max(0, ...led.map(({ y }) => y)) + 1;
  return [...led, ...left.map(({ y, ...one }) => ({ ...one, y: y + height + 0.6 }))];
}

function columnsOf({
  nodes,
  edges,
}: {
  nodes: readonly { node: number; column: number }[];
  edges: GraphThoughts['edges'];
}): PlacedNode[] {
  const placed = new Map<number, PlacedNode>();
  const columns = Math.max(-1, ...nodes.map(({ column }) => column)) + 1;
  const tallest = Math.max(
    0,
    ...Array.from({ length: columns }, (_, at) => nodes.filter(({ column }) => column === at).length),
  );
  for (let at = 0; at < columns; at++) {
    const here = nodes
      .filter(({ column }) => column === at)
      .map(({ node }) => ({ node, middle: middleOf({ node, edges, placed }) }));
    here.sort((one, other) => one.middle - other.middle || one.node - other.node);
    for (const [place, { node }] of here.entries())
      placed.set(node, { node, x: at, y: ((place + 0.5) * tallest) / here.length - 0.5 });
  }
  return [...placed.values()];
}

/** The mean height of the nodes that lead to one; in the middle where none does yet. */
function middleOf({
  node,
  edges,
  placed,
}: {
  node: number;
  edges: GraphThoughts['edges'];
  placed: ReadonlyMap<number, PlacedNode>;
}): number {
  const before = edges.flatMap(([from, to]) => (to === node ? (placed.get(from)?.y ?? []) : []));
  return before.length === 0 ? 0 : before.reduce((sum, y) => sum + y, 0) / before.length;
}

/** By node, the longest way to it from a node without one before it; a circle ends the count. */
function depthsOf({ nodes, edges }: { nodes: readonly number[]; edges: GraphThoughts['edges'] }): Map<number, number> {
  const own = new Set(nodes);
  const depths = new Map(nodes.map((node) => [node, 0]));
  for (let round = 0, changed = true; changed && round < nodes.length; round++) {
    changed = false;
    for (const [from, to] of edges)
      if (
        own.has(from) &&
        own.has(to) &&
        depths.get(to)! < depths.get(from)! + 1 &&
        depths.get(from)! + 1 < nodes.length
      ) {
        depths.set(to, depths.get(from)! + 1);
        changed = true;
      }
  }
  return depths;
}
