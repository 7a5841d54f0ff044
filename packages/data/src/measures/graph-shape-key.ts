import { createHash } from 'node:crypto';
import type { GraphFacts } from '../reasoning-example';

/**
 * A hash of a graph question that does not depend on the names and numbers of its nodes: colour refinement (Weisfeiler
 * and Leman, 1968) from the roles of root, target and distractor, over edges in both directions. Questions with
 * different keys differ; those with equal keys are the same question in all but the rarest cases.
 */
export function graphShapeKey({ edges, symbols, root, target, negativeTarget }: Pick<GraphFacts, 'edges' | 'symbols' | 'root' | 'target' | 'negativeTarget'>): string {
  const short = (text: string): string => createHash('sha256').update(text).digest('base64').slice(0, 16);
  let colours: string[] = symbols.map((_, node) => (node === root ? 'root' : node === target ? 'target' : node === negativeTarget ? 'distractor' : 'node'));
  let kinds = new Set(colours).size;
  for (;;) {
    const next = colours.map((colour, node) => {
      const into = edges.flatMap(([from, to]) => (to === node ? [colours[from]!] : [])).sort();
      const onward = edges.flatMap(([from, to]) => (from === node ? [colours[to]!] : [])).sort();
      return short(JSON.stringify([colour, into, onward]));
    });
    colours = next;
    const found = new Set(colours).size;
    // Once no colour splits, further rounds tell nothing new; every graph takes one round at least.
    if (found === kinds) return short(JSON.stringify([symbols.length, edges.length, [...colours].sort()]));
    kinds = found;
  }
}
