import { shortestPathNodes } from '../measures/graph';
import type { GraphFacts, ReasoningExample } from '../reasoning-example';
import type { FileLimits } from './data-file';
import { ExampleStream } from './example-stream';
import type { ReadOptions } from './example-stream';
import type { FaultLog } from './fault-log';
import { asText, isObject, isText, isTextList, plainAnswer, readJsonRecords } from './read-json';
import type { JsonObject } from './read-json';

export interface ReadFileOptions extends ReadOptions {
  /** The file to read. */
  file: string;
}

/** What a graph may have: a thousand times what the published ones have. */
const mostNodes = 1_000_000;
const mostEdges = 1_000_000;

/** Whether a list from a file holds these nodes, in any order. */
function sameNodes(given: unknown, nodes: readonly number[]): boolean {
  if (!Array.isArray(given) || given.length !== nodes.length) return false;
  const listed = new Set<unknown>(given);
  return nodes.every((node) => listed.has(node));
}

/** The graph of a ProsQA record, or what is wrong with it. */
function graphFacts(record: JsonObject): GraphFacts | string {
  const { edges, root, target, neg_target: negativeTarget, idx_to_symbol: symbols, neighbor_k: given } = record;
  if (!isTextList(symbols)) return '`idx_to_symbol` is not a list of names.';
  if (symbols.length > mostNodes) return `the graph has ${symbols.length} nodes; more than ${mostNodes} are not read.`;
  if (Array.isArray(edges) && edges.length > mostEdges)
    return `the graph has ${edges.length} edges; more than ${mostEdges} are not read.`;
  const isNode = (value: unknown): value is number =>
    Number.isInteger(value) && (value as number) >= 0 && (value as number) < symbols.length;
  if (!Array.isArray(edges) || !edges.every((edge) => Array.isArray(edge) && edge.length === 2 && edge.every(isNode))) {
    return '`edges` is not a list of pairs of node numbers.';
  }
  if (!isNode(root) || !isNode(target) || !isNode(negativeTarget))
    return '`root`, `target` and `neg_target` are not node numbers.';
  const neighborsByHop = shortestPathNodes({ edges: edges as [number, number][], root, target });
  if (neighborsByHop.length === 0) return 'no path leads from `root` to `target`.';
  if (given !== undefined) {
    const agrees =
      isObject(given) &&
      Object.keys(given).length === neighborsByHop.length &&
      neighborsByHop.every((nodes, hop) => sameNodes(given[hop], nodes));
    if (!agrees) return '`neighbor_k` does not agree with the shortest paths over `edges`.';
  }
  return { kind: 'graph', edges: edges as [number, number][], root, target, negativeTarget, symbols, neighborsByHop };
}

async function* readRecords(options: {
  file: string;
  graph: 'optional' | 'required';
  log: FaultLog;
  limits: FileLimits;
}): AsyncGenerator<ReasoningExample> {
  const { file, graph, log, limits } = options;
  for await (const { number, record } of readJsonRecords(file, log, limits)) {
    const fail = (kind: 'record-malformed' | 'answer-missing', message: string): void =>
      log.add({ kind, line: number, message: `record ${number}: ${message}` });
    const { question, steps } = record;
    const answer = asText(record.answer);
    if (!isText(question)) fail('record-malformed', '`question` is not text.');
    else if (!isTextList(steps)) fail('record-malformed', '`steps` is not a list of texts.');
    else if (answer === undefined) fail('answer-missing', '`answer` is not text.');
    else {
      const example: ReasoningExample = {
        id: String(number),
        question,
        steps: steps.map((text) => ({ text })),
        answer: plainAnswer(answer),
      };
      if (graph === 'optional' && record.edges === undefined) {
        yield example;
        continue;
      }
      const facts = graphFacts(record);
      if (typeof facts === 'string') fail('record-malformed', facts);
      else yield { ...example, category: `${facts.neighborsByHop.length - 1} hops`, facts };
    }
  }
}

/**
 * Reads Coconut's format: a JSON array of `{ question, steps: [text, …], answer }`, as GSM8K-Aug is given in.
 * Records with a graph (`edges`, `root`, …) get it as facts.
 */
export function readCoconutJson(options: ReadFileOptions): ExampleStream {
  const { file, ...read } = options;
  return new ExampleStream({
    ...read,
    file,
    open: (log) => readRecords({ file, graph: 'optional', log, limits: read }),
  });
}

/**
 * Reads ProsQA, as words or as graphs: Coconut's format with `idx_to_symbol`, `edges`, `root`, `target`, `neg_target`
 * and, in the files of Reasoning by Superposition (arXiv 2505.12514), `neighbor_k`, which must agree with the edges.
 */
export function readProsQA(options: ReadFileOptions): ExampleStream {
  const { file, ...read } = options;
  return new ExampleStream({
    ...read,
    file,
    open: (log) => readRecords({ file, graph: 'required', log, limits: read }),
  });
}
