import { ANSWER_MARK, graphTokens, type GraphVocabulary, pauseToken } from './graph-vocabulary';
import { CounterStream, drawNodeNumbers, drawQueries, type GraphQuery } from './draw-queries';
import type { GraphExample } from './graph-example';
import { type GraphOptions, graphRoles, isStaged, isThinking, PATH, queryRoles } from './graph-method';
import { ANSWER, type Role } from '../visibility/roles';
import type { VisibilityTable } from '../visibility/visibility-table';

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
  /** Which positions attend to which, by role. @default causal: each position to all before it */
  visibility?: VisibilityTable;
  /** What the states of earlier stages count beside those of the phase's own, which count 1. 0: not at all. */
  earlierStages: number;
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
  /** What each position is. */
  roles: Role[];
  states: PredictedState[];
  /** Thoughts that are mixed of nodes, in equal shares. */
  mixtures: { position: number; ids: number[] }[];
}

export interface LaidOutGraph {
  prefix: number[];
  /** What each position of the prefix is. */
  prefixRoles: Role[];
  queries: LaidOutQuery[];
}

export function layoutGraph({
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
  const deepest = isStaged(method) ? Math.min(level + (answers ? 0 : 1), method.count) : method.count;
  const prefix = vocabulary.graphTokens({ edges }).map((token) => vocabulary.id(token));
  return {
    prefix,
    prefixRoles: graphRoles({ tokens: prefix.length }),
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
  const roles = queryRoles({
    vocabulary,
    tokens: ids.length,
    thoughts: isThinking(method) ? level : 0,
  });
  const states: PredictedState[] = [];
  const mixtures: LaidOutQuery['mixtures'] = [];

  if (method.thoughts === 'mixture') {
    let held: number[] = [];
    for (let stage = 0; stage < level; stage++) {
      // Where the graph ends sooner, thoughts go on holding what the last one does.
      held = nextHop({ graph, query, stage, supervision: drawing.supervision, random })?.predicted.map(idOf) ?? held;
      states.push({ position: ids.length - 1, labels: held, weight: drawing.earlierStages });
      mixtures.push({ position: ids.length, ids: held });
      ids.push(vocabulary.id(graphTokens.latent));
    }
  }
  if (isStaged(method)) {
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
  if (!answers) return { ids, roles, states, mixtures };

  const write = (id: number, role: Role, shown?: PredictedState['shown']) => {
    states.push({ position: ids.length - 1, labels: [id], weight: 1, shown });
    ids.push(id);
    roles.push(role);
  };
  if (method.thoughts === 'text') {
    for (let node = root; node !== target;) {
      const onward = stepsTowards({ graph, node, target });
      node = random.pick(onward);
      write(idOf(node), PATH, { accepted: onward.map(idOf), taken: 1 });
    }
  }
  write(vocabulary.id(ANSWER_MARK), ANSWER);
  write(idOf(target), ANSWER, method.thoughts === 'text' ? undefined : { accepted: [idOf(target)], taken: 1 });
  states.push({ position: ids.length - 1, labels: [vocabulary.id(graphTokens.end)], weight: 1 });
  return { ids, roles, states, mixtures };
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
