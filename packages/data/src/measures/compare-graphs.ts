import { DataError } from '../errors';
import type { GraphFacts, ReasoningExample } from '../reasoning-example';
import { hopsFrom } from './graph';

/** One measure of two sets of graph questions. */
export interface GraphComparisonRow {
  measure: string;
  left: { mean: number; standardDeviation: number };
  right: { mean: number; standardDeviation: number };
  /** The difference of the means in its standard errors (Welch): beyond ±3 the sets differ. */
  standardErrors: number;
}

export interface GraphComparison {
  /** Examples in each set. */
  examples: { left: number; right: number };
  rows: GraphComparisonRow[];
  /** Names that only one set uses. */
  vocabulary: { onlyLeft: string[]; onlyRight: string[]; both: number };
}

type Examples = Iterable<ReasoningExample> | AsyncIterable<ReasoningExample>;

/** Measures of one graph, by name; degrees are shares of its nodes. */
function measure(facts: GraphFacts): Record<string, number> {
  const nodes = facts.symbols.length;
  const inDegrees = new Array<number>(nodes).fill(0);
  const outDegrees = new Array<number>(nodes).fill(0);
  for (const [from, to] of facts.edges) {
    outDegrees[from]! += 1;
    inDegrees[to]! += 1;
  }
  const hops = facts.neighborsByHop.length - 1;
  const share = (degrees: number[], degree: number): number =>
    degrees.filter((value) => value === degree).length / nodes;
  const values: Record<string, number> = { nodes, edges: facts.edges.length, hops };
  for (const length of [3, 4, 5, 6]) values[`questions of ${length} hops`] = hops === length ? 1 : 0;
  for (const degree of [0, 1, 2, 3, 4, 5]) values[`nodes of in-degree ${degree}`] = share(inDegrees, degree);
  for (const degree of [0, 1, 2, 3, 4, 5]) values[`nodes of out-degree ${degree}`] = share(outDegrees, degree);
  values['out-degree of the root'] = outDegrees[facts.root]!;
  values['nodes on shortest paths'] = facts.neighborsByHop.reduce((sum, level) => sum + level.length, 0);
  const reached = hopsFrom({ edges: facts.edges, root: facts.root });
  const backwards = facts.edges.map(([from, to]): [number, number] => [to, from]);
  for (let hop = 1; hop <= 4; hop++)
    values[`nodes ${hop === 1 ? '1 hop' : `${hop} hops`} from the root`] = [...reached.values()].filter(
      (count) => count === hop,
    ).length;
  values['nodes that the root leads to'] = reached.size - 1;
  for (const [name, node] of [
    ['target', facts.target],
    ['distractor', facts.negativeTarget],
  ] as const) {
    values[`edges into the ${name}`] = inDegrees[node]!;
    values[`nodes that lead to the ${name}`] = hopsFrom({ edges: backwards, root: node }).size - 1;
  }
  values['questions from node 1'] = facts.root === 1 ? 1 : 0;
  values['names of people'] = facts.symbols.filter((name) => /^[A-Z]/.test(name)).length;
  return values;
}

async function gather(
  examples: Examples,
): Promise<{ count: number; values: Map<string, number[]>; names: Set<string> }> {
  const values = new Map<string, number[]>();
  const names = new Set<string>();
  let count = 0;
  for await (const example of examples) {
    if (example.facts?.kind !== 'graph')
      throw new DataError({
        code: 'record-malformed',
        message: `example ${example.id} has no graph; read the file as prosqa.`,
      });
    count += 1;
    for (const name of example.facts.symbols) names.add(name);
    for (const [name, value] of Object.entries(measure(example.facts))) {
      const known = values.get(name);
      if (known) known.push(value);
      else values.set(name, [value]);
    }
    if (count > 100_000) break;
  }
  if (count < 2)
    throw new DataError({ code: 'empty-set', message: 'a comparison needs two examples or more in each set.' });
  return { count, values, names };
}

function summarise(values: number[]): { mean: number; standardDeviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return {
    mean,
    standardDeviation: Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1)),
  };
}

/** Compares two sets of graph questions, for example a generated one with the official: sizes, hops, degrees, names. */
export async function compareGraphs(options: { left: Examples; right: Examples }): Promise<GraphComparison> {
  const [left, right] = [await gather(options.left), await gather(options.right)];
  const rows = [...left.values.keys()].map((name): GraphComparisonRow => {
    const [a, b] = [summarise(left.values.get(name)!), summarise(right.values.get(name)!)];
    const error = Math.sqrt(a.standardDeviation ** 2 / left.count + b.standardDeviation ** 2 / right.count);
    return { measure: name, left: a, right: b, standardErrors: error === 0 ? 0 : (a.mean - b.mean) / error };
  });
  return {
    examples: { left: left.count, right: right.count },
    rows,
    vocabulary: {
      onlyLeft: [...left.names].filter((name) => !right.names.has(name)).sort(),
      onlyRight: [...right.names].filter((name) => !left.names.has(name)).sort(),
      both: [...left.names].filter((name) => right.names.has(name)).length,
    },
  };
}
