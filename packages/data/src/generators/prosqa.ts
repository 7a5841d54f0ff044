import { DataError } from '../errors';
import { hopsFrom, shortestPathNodes } from '../measures/graph';
import { RandomStream } from '@subtext/core';
import type { GraphFacts, ReasoningExample } from '../reasoning-example';
import { checkStream } from './check-stream';
import { madeUpNouns, peopleNames } from './made-up-names';
import { jsonArray, textGenerator } from './text-generator';

export interface GenerateProsQAOptions {
  /** @default Infinity: ask for as many as are needed */
  count?: number;
  /** @default 42 */
  seed?: number;
  /** Hops from the root to the target, at least and at most. @default { minimum: 3, maximum: 6 } */
  hops?: { minimum: number; maximum: number };
  /** Nodes drawn a graph, of which those without an edge are left out: 28 leave about 23. 4 to 30. @default 28 */
  nodes?: number;
}

/** The mean of the Poisson distribution of in-degrees, and the rise of a parent's weight with its depth (Coconut, appendix). */
const meanParents = 1.5;
const depthWeight = 1.5;
/**
 * The weight of a node without parents. The appendix does not give it; with 0.6 the graphs have as many further sources
 * as the official validation set.
 */
const sourceWeight = 0.6;

interface DrawnGraph {
  edges: [number, number][];
  /** Bit 1: reached from root 0; bit 2: from root 1. */
  labels: number[];
}

/** Draws distinct candidates, weighted, without replacement. */
function drawParents(options: {
  candidates: number[];
  count: number;
  weight: (node: number) => number;
  random: RandomStream;
}): number[] {
  const { count, weight, random } = options;
  const left = [...options.candidates];
  const parents: number[] = [];
  while (parents.length < count && left.length > 0) {
    const parent = random.pickWeighted(left, left.map(weight));
    parents.push(parent);
    left.splice(left.indexOf(parent), 1);
  }
  return parents;
}

function drawGraph(nodes: number, random: RandomStream): DrawnGraph {
  const labels = [1, 2];
  const depths = [0, 0];
  const hasParents = [true, true]; // the roots count as placed
  const edges: [number, number][] = [];
  for (let node = 2; node < nodes; node += 1) {
    const inDegree = random.poisson(meanParents);
    const part = random.uniform();
    const label = part < 0.35 ? 1 : part < 0.7 ? 2 : undefined;
    // From "all nodes" a node without parents can be drawn; from the groups of a label it can't, as it was never placed in one.
    const candidates = labels.flatMap((of, other) =>
      label === undefined || (hasParents[other] && (of === 0 || of === label)) ? [other] : [],
    );
    const parents = drawParents({
      candidates,
      count: inDegree,
      weight: (other) => (hasParents[other] ? depthWeight * depths[other]! + 1 : sourceWeight),
      random,
    });
    for (const parent of parents) edges.push([parent, node]);
    labels.push(parents.reduce((union, parent) => union | labels[parent]!, 0));
    depths.push(parents.length === 0 ? 0 : Math.min(...parents.map((parent) => depths[parent]!)) + 1);
    hasParents.push(parents.length > 0);
  }
  return { edges, labels };
}

/**
 * Chooses what is asked of a graph: from the root whose exclusive leaves lie deeper (root 1 when equal, which gives the
 * official file's 65 % of questions from it), to one of the deepest; the distractor is any leaf exclusive to the other.
 */
function chooseQuestion(
  graph: DrawnGraph,
  random: RandomStream,
): { root: number; target: number; negativeTarget: number; hops: number } | undefined {
  const inner = new Set(graph.edges.map(([source]) => source));
  const sides = [0, 1].map((root) => {
    const hops = hopsFrom({ edges: graph.edges, root });
    const leaves = graph.labels.flatMap((label, node) =>
      node > 1 && label === root + 1 && !inner.has(node) ? [node] : [],
    );
    return { root, hops, leaves, deepest: leaves.reduce((most, leaf) => Math.max(most, hops.get(leaf)!), 0) };
  });
  const [side, other] = sides[1]!.deepest >= sides[0]!.deepest ? [sides[1]!, sides[0]!] : [sides[0]!, sides[1]!];
  if (side.leaves.length === 0 || other.leaves.length === 0) return undefined;
  const target = random.pick(side.leaves.filter((leaf) => side.hops.get(leaf) === side.deepest));
  return { root: side.root, target, negativeTarget: random.pick(other.leaves), hops: side.deepest };
}

/** Leaves out the nodes without an edge and gives each node left a name: sources people's, the others made-up nouns. */
function nameGraph(options: {
  graph: DrawnGraph;
  asked: { root: number; target: number; negativeTarget: number };
  random: RandomStream;
}): GraphFacts | undefined {
  const { graph, asked, random } = options;
  const used = new Set(graph.edges.flat());
  const kept = graph.labels.flatMap((_, node) => (used.has(node) ? [node] : []));
  if (!used.has(0) || !used.has(1)) return undefined;
  const renumbered = new Map(kept.map((node, index) => [node, index]));
  const edges = graph.edges.map(([source, target]): [number, number] => [
    renumbered.get(source)!,
    renumbered.get(target)!,
  ]);
  const withParents = new Set(edges.map(([, target]) => target));
  const people = random.shuffle(peopleNames);
  const nouns = random.shuffle(madeUpNouns);
  const sources = kept.filter((_, index) => !withParents.has(index)).length;
  if (sources > people.length) return undefined;
  const symbols = kept.map((_, index) => (withParents.has(index) ? nouns.pop()! : people.pop()!));
  const [root, target, negativeTarget] = [asked.root, asked.target, asked.negativeTarget].map((node) =>
    renumbered.get(node)!,
  ) as [number, number, number];
  return {
    kind: 'graph',
    edges,
    root,
    target,
    negativeTarget,
    symbols,
    neighborsByHop: shortestPathNodes({ edges, root, target }),
  };
}

/** Tells an edge in words, as ProsQA does: people are members, nouns are kinds. */
function describeEdge(options: { source: string; target: string }): string {
  const { source, target } = options;
  return peopleNames.includes(source) ? `${source} is a ${target}.` : `Every ${source} is a ${target}.`;
}

function tell(options: { facts: GraphFacts; id: string; random: RandomStream }): ReasoningExample {
  const { facts, id, random } = options;
  const name = (node: number): string => facts.symbols[node]!;
  const sentence = ([source, target]: [number, number]): string =>
    describeEdge({ source: name(source), target: name(target) });
  const candidates = random.shuffle([facts.target, facts.negativeTarget]).map(name);
  const known = new Set(facts.edges.map((edge) => edge.join(' ')));
  let node = facts.root;
  const steps = facts.neighborsByHop.slice(1).map((level) => {
    const next = random.pick(level.filter((other) => known.has(`${node} ${other}`)));
    const text = sentence([node, next]);
    node = next;
    return { text };
  });
  return {
    id,
    question: `${random.shuffle(facts.edges).map(sentence).join(' ')} Is ${name(facts.root)} a ${candidates[0]!} or ${candidates[1]!}?`,
    steps,
    answer: `${name(facts.root)} is a ${name(facts.target)}.`,
    category: `${steps.length} hops`,
    facts,
  };
}

/**
 * Makes questions as ProsQA's (Coconut, arXiv 2412.06769, appendix): a random acyclic graph told in shuffled sentences,
 * "Is ROOT a TARGET or DISTRACTOR?", and a shortest path as the chain. Nodes 0 and 1 are roots; each further node draws
 * its in-degree from Poisson(1.5) and its parents, with weight 1.5·depth + 1, from the nodes reached from root 0 alone
 * or none (35 %), from root 1 alone or none (35 %), or all nodes (30 %). Nodes without an edge are left out.
 */
export function* generateProsQA(options: GenerateProsQAOptions = {}): Generator<ReasoningExample> {
  const { count = Infinity, seed = 42, hops = { minimum: 3, maximum: 6 }, nodes = 28 } = options;
  checkStream({ count, seed });
  if (!Number.isInteger(nodes) || nodes < 4 || nodes > 30)
    throw new DataError({ code: 'invalid-option', message: `nodes: ${nodes} is not a whole number from 4 to 30.` });
  if (
    !Number.isInteger(hops.minimum) ||
    !Number.isInteger(hops.maximum) ||
    hops.minimum < 1 ||
    hops.maximum < hops.minimum
  ) {
    throw new DataError({
      code: 'invalid-option',
      message: `hops: ${hops.minimum} to ${hops.maximum} is not a range of whole numbers from 1.`,
    });
  }
  if (hops.minimum > nodes - 2)
    throw new DataError({
      code: 'space-exhausted',
      message: `no graph of ${nodes} nodes, two of which are roots, has ${hops.minimum} hops; ask for more nodes or fewer hops.`,
    });
  const random = new RandomStream({ seed, name: 'prosqa' });
  for (let made = 0, attempts = 0; made < count; attempts += 1) {
    if (attempts === 100_000)
      throw new DataError({
        code: 'space-exhausted',
        message: `no graph of ${nodes} nodes with ${hops.minimum} to ${hops.maximum} hops was found in 100,000 draws; ask for more nodes or fewer hops.`,
      });
    const graph = drawGraph(nodes, random);
    const asked = chooseQuestion(graph, random);
    if (!asked || asked.hops < hops.minimum || asked.hops > hops.maximum) continue;
    const facts = nameGraph({ graph, asked, random });
    if (!facts) continue;
    attempts = -1;
    made += 1;
    yield tell({ facts, id: String(made), random });
  }
}

/** An example as a record of the official files, with `neighbor_k` as in those of Reasoning by Superposition. */
export function toProsQARecord(example: ReasoningExample): Record<string, unknown> {
  if (example.facts?.kind !== 'graph')
    throw new DataError({ code: 'record-malformed', message: `example ${example.id} has no graph.` });
  const { symbols, edges, root, target, negativeTarget, neighborsByHop } = example.facts;
  return {
    question: example.question,
    answer: example.answer,
    steps: example.steps.map((step) => step.text),
    idx_to_symbol: symbols,
    edges,
    root,
    target,
    neg_target: negativeTarget,
    neighbor_k: Object.fromEntries(neighborsByHop.map((level, hop) => [hop, level])),
  };
}

/** This generator as an entry of the registry. */
export const prosqaGenerator = textGenerator({
  name: 'prosqa',
  description: 'which of two nodes is reachable in a random graph, 3 to 6 hops, in words and as a graph',
  format: 'prosqa',
  defaultCounts: { train: 17886, validation: 300, test: 500 },
  options: {
    minimumHops: { description: 'minimum hops from root to target', default: 3 },
    maximumHops: { description: 'maximum hops from root to target', default: 6 },
    nodes: { description: 'nodes sampled per graph; those without an edge are dropped', default: 28 },
  },
  writer: jsonArray(toProsQARecord),
  generate: (seed, { minimumHops, maximumHops, nodes }) =>
    generateProsQA({
      seed,
      hops: { minimum: minimumHops as number, maximum: maximumHops as number },
      nodes: nodes as number,
    }),
});
