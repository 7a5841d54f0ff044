import { contentKey, type GraphFacts, graphShapeKey, type ReasoningExample } from '@subtext/data';
import { graphExample, type GraphExample } from '@subtext/reasoner';

/** Graphs to train on, and how many were left out because they are held out: by content and by shape, whatever their names. */
export async function leaveOutGraphs({
  examples: source,
  heldOut,
}: {
  examples: Iterable<ReasoningExample> | AsyncIterable<ReasoningExample>;
  heldOut: readonly ReasoningExample[];
}): Promise<{ examples: GraphExample[]; left: number }> {
  const keys = new Set<string>();
  const outlines = new Set<string>();
  for (const example of heldOut) {
    outlines.add(outlineOf(example.facts as GraphFacts));
    for (const key of await keysOf(example)) keys.add(key);
  }
  const examples: GraphExample[] = [];
  let left = 0;
  for await (const example of source) {
    const suspect = outlines.has(outlineOf(example.facts as GraphFacts));
    if (suspect && (await keysOf(example)).some((key) => keys.has(key))) left += 1;
    else examples.push(graphExample(example));
  }
  return { examples, left };
}

/** The degrees of a graph's nodes: equal where graphs are the same, and told far sooner than whether they are. */
function outlineOf({ edges, symbols }: GraphFacts): string {
  const degrees = symbols.map(() => 0);
  for (const [from, to] of edges) {
    degrees[from]! += 1;
    degrees[to]! += 100;
  }
  return degrees.sort((a, b) => a - b).join(' ');
}

async function keysOf(example: ReasoningExample): Promise<string[]> {
  return [await contentKey(example), graphShapeKey(example.facts as GraphFacts)];
}
