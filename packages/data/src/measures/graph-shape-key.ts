import { createHash } from 'node:crypto';
import type { GraphFacts } from '../reasoning-example';

/**
 * A hash of a graph question that does not depend on the names and numbers of its nodes: colour refinement (Weisfeiler
 * and Leman, 1968) from the roles of root, target and distractor, over edges in both directions. Questions with
 * different keys differ; those with equal keys are the same question in all but the rarest cases.
 */
export function graphShapeKey({ edges, symbols, root, target, negativeTarget }: Pick<GraphFacts, 'edges' | 'symbols' | 'root' | 'target' | 'negativeTarget'>): string {
  const short = (text: string): string => createHash('sha256').update(text).digest('base64').slice(0, 16);
  const before = symbols.map((): number[] => []);
  const after = symbols.map((): number[] => []);
  for (const [from, to] of edges) {
    after[from]!.push(to);
    before[to]!.push(from);
  }
  let colours: string[] = symbols.map((_, node) => (node === root ? 'root' : node === target ? 'target' : node === negativeTarget ? 'distractor' : 'node'));
  let kinds = new Set(colours).size;
  for (;;) {
    const next = colours.map((colour, node) => short(JSON.stringify([colour, before[node]!.map((from) => colours[from]!).sort(), after[node]!.map((to) => colours[to]!).sort()])));
    colours = next;
    const found = new Set(colours).size;
    // Once no colour splits, further rounds tell nothing new; every graph takes one round at least.
    if (found === kinds) return short(JSON.stringify([symbols.length, edges.length, [...colours].sort()]));
    kinds = found;
  }
}
