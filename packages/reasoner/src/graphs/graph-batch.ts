import { ANSWER_MARK, graphTokens, type GraphVocabulary, pauseToken } from './graph-vocabulary';
import { CounterStream, drawNodeNumbers, drawQueries, type GraphQuery } from './draw-queries';
import type { GraphExample } from './graph-example';
import type { GraphOptions } from './graph-method';

/**
 * What the state after s thoughts must predict. `walks`: every node that s + 1 edges lead to, each with the same
 * probability: the same step from thought to thought, whatever was visited before. `all`: every node s + 1 hops away, so
 * that those a shorter way leads to must be taken out. `frontier`: one of these, drawn at random. `random`: a node drawn
 * from those s + 1 hops along a shortest path to the target, as the reference does (arXiv 2505.12514).
 */
export type GraphSupervision = 'walks' | 'all' | 'frontier' | 'random';

/** What the batches of a phase are drawn with. */
export interface GraphDrawing {
  vocabulary: GraphVocabulary;
  method: Required<GraphOptions>;
  supervision: GraphSupervision;
  /** Questions a graph, over one prefix. */
  queries: number;
  /** What the states of earlier stages count beside those of the phase's own, which count 1. 0: not at all. */
  earlierStages: number;
}

/** States that must predict any of several ids each: what a layout's labels are where more than one is right. */
export interface WeightedTargets {
  /** The states that must predict something. `[rows]` */
  rows: Int32Array;
  /** What each one's loss counts, over all shards of the step 1 in all. `[rows]` */
  weights: Float32Array;
  /** What it must predict: the ids from `labelStarts[row]` to `labelStarts[row + 1]`, each with the same probability. */
  labelIds: Int32Array;
  labelStarts: Int32Array;
  /** Rows that show whether the phase is mastered, and what they may name: as many ids as `taken` of the highest logits are looked at. */
  shown: {
    row: Int32Array;
    taken: Int32Array;
    acceptedIds: Int32Array;
    acceptedStarts: Int32Array;
    /** Of the whole step. */ total: number;
  };
}

/** Graphs with questions over each, as one shard of a step: the graph is computed once, then all questions side by side. */
export interface GraphBatch {
  graphs: number;
  queries: number;
  /** Ids of the graphs, padded on the right: int32 `[graphs, prefixTime]`. */
  prefixIds: Int32Array;
  prefixTime: number;
  /** `[graphs]` */
  prefixLengths: Int32Array;
  /** Ids of questions and responses, padded on the right: int32 `[graphs, queries, suffixTime]`. */
  suffixIds: Int32Array;
  suffixTime: number;
  /** Continuous thoughts: `thoughts` positions of the suffix from `thoughtStart`. */
  thoughtStart: number;
  thoughts: number;
  /** What states must predict: rows are `(graph · queries + query) · suffixTime + position`. */
  targets: WeightedTargets;
}

/** A state that must predict one of several ids. */
interface PredictedState {
  position: number;
  labels: number[];
  weight: number;
  shown?: { accepted: number[]; taken: number };
}

interface LaidOutQuery {
  ids: number[];
  states: PredictedState[];
}

interface LaidOutGraph {
  prefix: number[];
  queries: LaidOutQuery[];
}

/** Draws the batch of a step, cut into shards: a pure function of the counters. */
export function drawGraphBatch({
  examples,
  indices,
  drawing,
  level,
  answers,
  shards,
  counters,
}: {
  examples: readonly GraphExample[];
  /** Which graphs, in order. */
  indices: readonly number[];
  drawing: GraphDrawing;
  /** Thoughts before the state that the phase is about. */
  level: number;
  /** Whether the phase ends in an answer. */
  answers: boolean;
  shards: number;
  /** Seed, phase and step. */
  counters: readonly number[];
}): GraphBatch[] {
  const laidOut = indices.map((index, row) =>
    layoutGraph({ graph: examples[index]!, drawing, level, answers, random: new CounterStream(...counters, row) }),
  );
  const states = laidOut.flatMap(({ queries }) => queries.flatMap((query) => query.states));
  const weight = states.reduce((sum, state) => sum + state.weight, 0);
  const total = states.filter(({ shown }) => shown !== undefined).length;
  const thoughtStart = drawing.vocabulary.queryTokens({ candidates: [0, 0], root: 0 }).length;
  const thoughts = drawing.method.thoughts === 'continuous' ? level : 0;
  return Array.from({ length: shards }, (_, shard) => {
    const part = laidOut.slice(
      Math.floor((laidOut.length * shard) / shards),
      Math.floor((laidOut.length * (shard + 1)) / shards),
    );
    return collateGraphs({ graphs: part, queries: drawing.queries, thoughtStart, thoughts, weight: 1 / weight, total });
  });
}

function layoutGraph({
  graph,
  drawing,
  level,
  answers,
  random,
}: {
  graph: GraphExample;
  drawing: GraphDrawing;
  level: number;
  answers: boolean;
  random: CounterStream;
}): LaidOutGraph {
  const { vocabulary, method, queries } = drawing;
  const numbers = drawNodeNumbers({ nodes: graph.nodes, random });
  const edges = random
    .shuffle(graph.edges)
    .map(([source, target]): [number, number] => [numbers[source]!, numbers[target]!]);
  const staged = method.thoughts === 'continuous' || method.thoughts === 'pause';
  const deepest = staged ? Math.min(level + (answers ? 0 : 1), method.count) : method.count;
  return {
    prefix: vocabulary.graphTokens({ edges }).map((token) => vocabulary.id(token)),
    queries: drawQueries({ graph, count: queries, deepest, random }).map((query) =>
      layoutQuery({ graph, query, numbers, drawing, level, answers, random }),
    ),
  };
}

function layoutQuery({
  graph,
  query,
  numbers,
  drawing,
  level,
  answers,
  random,
}: {
  graph: GraphExample;
  query: GraphQuery;
  numbers: number[];
  drawing: GraphDrawing;
  level: number;
  answers: boolean;
  random: CounterStream;
}): LaidOutQuery {
  const { vocabulary, method } = drawing;
  const { root, target, negativeTarget } = query;
  const idOf = (node: number) => vocabulary.node(numbers[node]!);
  const candidates = random.shuffle([target, negativeTarget]).map((node) => numbers[node]!) as [number, number];
  const ids = vocabulary.queryTokens({ candidates, root: numbers[root]! }).map((token) => vocabulary.id(token));
  const states: PredictedState[] = [];

  if (method.thoughts === 'continuous' || method.thoughts === 'pause') {
    for (let stage = 0; stage <= level; stage++) {
      const own = stage === level && !answers;
      const weight = own ? 1 : drawing.earlierStages;
      const labels =
        stage < method.count && weight > 0
          ? nextHop({ graph, query, stage, supervision: drawing.supervision, random })
          : undefined;
      if (labels) {
        states.push({
          position: ids.length - 1,
          labels: labels.predicted.map(idOf),
          weight,
          ...(own && { shown: { accepted: labels.accepted.map(idOf), taken: labels.accepted.length } }),
        });
      }
      if (stage < level) ids.push(vocabulary.id(method.thoughts === 'pause' ? pauseToken(stage) : graphTokens.latent));
    }
  }
  if (!answers) return { ids, states };

  const write = (id: number, shown?: PredictedState['shown']) => {
    states.push({ position: ids.length - 1, labels: [id], weight: 1, shown });
    ids.push(id);
  };
  if (method.thoughts === 'text') {
    for (let node = root; node !== target;) {
      const onward = stepsTowards({ graph, node, target });
      node = random.pick(onward);
      write(idOf(node), { accepted: onward.map(idOf), taken: 1 });
    }
  }
  write(vocabulary.id(ANSWER_MARK));
  write(idOf(target), method.thoughts === 'text' ? undefined : { accepted: [idOf(target)], taken: 1 });
  states.push({ position: ids.length - 1, labels: [vocabulary.id(graphTokens.end)], weight: 1 });
  return { ids, states };
}

/** The nodes that edges from a node lead to and that are one hop nearer to the target. */
function stepsTowards({
  graph: { nodes, hops, edges },
  node,
  target,
}: {
  graph: GraphExample;
  node: number;
  target: number;
}): number[] {
  const left = hops[node * nodes + target]!;
  return edges.flatMap(([source, next]) => (source === node && hops[next * nodes + target] === left - 1 ? [next] : []));
}

/** What the state after `stage` thoughts must predict, and what counts as right; undefined where the graph ends sooner. */
function nextHop({
  graph,
  query: { root, target, depth },
  stage,
  supervision,
  random,
}: {
  graph: GraphExample;
  query: GraphQuery;
  stage: number;
  supervision: GraphSupervision;
  random: CounterStream;
}): { predicted: number[]; accepted: number[] } | undefined {
  const { nodes, hops } = graph;
  const frontier = Array.from({ length: nodes }, (_, node) => node).filter(
    (node) => hops[root * nodes + node] === stage + 1,
  );
  const onPath = () => frontier.filter((node) => hops[node * nodes + target] === depth - stage - 1);
  const accepted =
    supervision === 'walks'
      ? walksFrom({ graph, root, edges: stage + 1 })
      : supervision === 'random'
        ? onPath()
        : frontier;
  if (accepted.length === 0) return undefined;
  return { accepted, predicted: supervision === 'walks' || supervision === 'all' ? accepted : [random.pick(accepted)] };
}

/** The nodes that walks of so many edges lead to from the root. */
function walksFrom({ graph, root, edges }: { graph: GraphExample; root: number; edges: number }): number[] {
  let reached = new Set([root]);
  for (let step = 0; step < edges; step++) {
    const from = reached;
    reached = new Set(graph.edges.flatMap(([source, target]) => (from.has(source) ? [target] : [])));
  }
  return [...reached];
}

/** The length of the longest; a spread into `Math.max` ends in a RangeError where there are many. */
function longest(lists: readonly (readonly number[])[]): number {
  return lists.reduce((most, { length }) => Math.max(most, length), 0);
}

function collateGraphs({
  graphs,
  queries,
  thoughtStart,
  thoughts,
  weight,
  total,
}: {
  graphs: readonly LaidOutGraph[];
  queries: number;
  thoughtStart: number;
  thoughts: number;
  weight: number;
  total: number;
}): GraphBatch {
  const prefixTime = longest(graphs.map(({ prefix }) => prefix));
  const suffixTime = longest(graphs.flatMap((graph) => graph.queries.map(({ ids }) => ids)));
  const prefixIds = new Int32Array(graphs.length * prefixTime);
  const suffixIds = new Int32Array(graphs.length * queries * suffixTime);
  const [rows, weights, labelIds, labelStarts]: [number[], number[], number[], number[]] = [[], [], [], [0]];
  const [shownRows, taken, acceptedIds, acceptedStarts]: [number[], number[], number[], number[]] = [[], [], [], [0]];
  for (const [index, graph] of graphs.entries()) {
    prefixIds.set(graph.prefix, index * prefixTime);
    for (const [place, { ids, states }] of graph.queries.entries()) {
      const start = (index * queries + place) * suffixTime;
      suffixIds.set(ids, start);
      for (const state of states) {
        if (state.shown) {
          shownRows.push(rows.length);
          taken.push(state.shown.taken);
          for (const id of state.shown.accepted) acceptedIds.push(id);
          acceptedStarts.push(acceptedIds.length);
        }
        rows.push(start + state.position);
        weights.push(state.weight * weight);
        for (const id of state.labels) labelIds.push(id);
        labelStarts.push(labelIds.length);
      }
    }
  }
  return {
    graphs: graphs.length,
    queries,
    prefixIds,
    prefixTime,
    prefixLengths: Int32Array.from(graphs, ({ prefix }) => prefix.length),
    suffixIds,
    suffixTime,
    thoughtStart,
    thoughts,
    targets: {
      rows: Int32Array.from(rows),
      weights: Float32Array.from(weights),
      labelIds: Int32Array.from(labelIds),
      labelStarts: Int32Array.from(labelStarts),
      shown: {
        row: Int32Array.from(shownRows),
        taken: Int32Array.from(taken),
        acceptedIds: Int32Array.from(acceptedIds),
        acceptedStarts: Int32Array.from(acceptedStarts),
        total,
      },
    },
  };
}
