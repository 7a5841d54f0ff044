import { createHash } from 'node:crypto';
import type { GraphFacts } from '../reasoning-example';

/** Nodes and edges that are looked at in all rounds together, about three seconds of work, and rounds at least. */
const mostWork = 1_000_000;
const leastRounds = 4;

/**
 * A hash of a graph question that does not depend on the names and numbers of its nodes: colour refinement (Weisfeiler
 * and Leman, 1968) from the roles of root, target and distractor, over edges in both directions. Questions with
 * different keys differ; those with equal keys are the same question in all but the
 * rarest cases (above a hundred thousand nodes and edges: in most).
 */
export function graphShapeKey({
  edges,
  symbols,
  root,
  target,
  negativeTarget,
}: Pick<GraphFacts, 'edges' | 'symbols' | 'root' | 'target' | 'negativeTarget'>): string {
  const short = (text: string): string => createHash('sha256').update(text).digest('base64').slice(0, 16);
  const before = symbols.map((): number[] => []);
  const after = symbols.map((): number[] => []);
  for (const [from, to] of edges) {
    after[from]!.push(to);
    before[to]!.push(from);
  }
  let colours: string[] = symbols.map((_, node) =>
    node === root ? 'root' : node === target ? 'target' : node === negativeTarget ? 'distractor' : 'node',
  );
  let kinds = new Set(colours).size;
  // A chain of n nodes takes n / 2 rounds: of huge graphs only so many are made, the same for all of one size.
  const rounds = Math.max(leastRounds, Math.floor(mostWork / (symbols.length + edges.length + 1)));
  for (let round = 1; ; round += 1) {
    const next = colours.map((colour, node) =>
      short(
        JSON.stringify([
          colour,
          before[node]!.map((from) => colours[from]!).sort(),
          after[node]!.map((to) => colours[to]!).sort(),
        ]),
      ),
    );
    colours = next;
    const found = new Set(colours).size;
    // Once no colour splits, further rounds tell nothing new; every graph takes one round at least.
    if (found === kinds || round === rounds)
      return short(JSON.stringify([symbols.length, edges.length, [...colours].sort()]));
    kinds = found;
  }
}
