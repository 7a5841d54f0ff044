import { hopsFrom } from '@subtext/data';

import { ReasonerError } from '../errors';

/** A question over a directed graph: which of two nodes does the root lead to? Nodes are whole numbers from 0. */
export interface GraphQuestion {
  /** `[source, target]` pairs, in the order in which they are told; none where a knowledge pack before the question holds them. */
  edges: [number, number][];
  candidates: [number, number];
  root: number;
}

/**
 * Reads `s t | s t | … [Q] a b [R] root`, the text of graph questions in Reasoning by Superposition (arXiv 2505.12514)
 * and of the task `prosqa-graph`; behind a knowledge pack of the edges `[Q] a b [R] root`. Throws `invalid-option`.
 */
export function parseGraphQuestion(text: string): GraphQuestion {
  const match = /^(.*)\[Q\]\s*(\d+)\s+(\d+)\s*\[R\]\s*(\d+)\s*$/s.exec(text);
  const told = match?.[1]!.trim() === '' ? [] : match?.[1]!.split('|');
  const edges = told?.map((edge) => /^\s*(\d+)\s+(\d+)\s*$/.exec(edge));
  if (!match || !edges || edges.some((edge) => edge === null)) {
    throw new ReasonerError({
      code: 'invalid-option',
      message: `"${text.length > 80 ? `${text.slice(0, 80)}…` : text}" is not a question over a graph. Write "s t | s t | … [Q] a b [R] root" with node numbers.`,
    });
  }
  return {
    edges: edges.map((edge) => [Number(edge![1]), Number(edge![2])]),
    candidates: [Number(match[2]), Number(match[3])],
    root: Number(match[4]),
  };
}

/** The text that {@link parseGraphQuestion} reads. */
export function formatGraphQuestion({ edges, candidates, root }: GraphQuestion): string {
  return `${edges.map((edge) => edge.join(' ')).join(' | ')} [Q] ${candidates.join(' ')} [R] ${root}`;
}

/** A shortest path from the root to a node, both included; of several, the one whose edges are told first. Throws `invalid-option`. */
export function shortestPath({
  edges,
  root,
  target,
}: Pick<GraphQuestion, 'edges' | 'root'> & { target: number }): number[] {
  const toTarget = hopsFrom({ edges: edges.map(([from, to]): [number, number] => [to, from]), root: target });
  if (!toTarget.has(root))
    throw new ReasonerError({ code: 'invalid-option', message: `No path leads from node ${root} to node ${target}.` });
  // The first edge from each node that leads on: found in one pass, not in one for each node of the path.
  const onward = new Map<number, number>();
  for (const [from, to] of edges)
    if (!onward.has(from) && toTarget.get(to) === (toTarget.get(from) ?? -1) - 1) onward.set(from, to);
  const path = [root];
  for (let node = root; node !== target; path.push(node)) node = onward.get(node)!;
  return path;
}
