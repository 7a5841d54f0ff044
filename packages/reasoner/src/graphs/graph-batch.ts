import { CounterStream } from './draw-queries';
import type { GraphExample } from './graph-example';
import type { GivenInputs } from '../batches/given-inputs';
import { batchVisibility, type BatchVisibility } from '../visibility/batch-visibility';
import { NO_ROLE } from '../visibility/roles';
import type { VisibilityTable } from '../visibility/visibility-table';
import { type GraphDrawing, type LaidOutGraph, layoutGraph } from './graph-layout';

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
  /** Thoughts that are known beforehand, in the rows of `targets`: they run with the rest. @default none */
  mixtures?: GivenInputs['mixtures'];
  /** Which positions attend to which, by row a question behind its graph: `[graphs · queries, prefixTime + suffixTime]`. @default each all before it */
  visibility?: BatchVisibility;
  /** What states must predict: rows are `(graph · queries + query) · suffixTime + position`. */
  targets: WeightedTargets;
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
    return collateGraphs({
      graphs: part,
      queries: drawing.queries,
      visibility: drawing.visibility,
      thoughtStart,
      thoughts,
      weight: 1 / weight,
      total,
    });
  });
}

/** The length of the longest; a spread into `Math.max` ends in a RangeError where there are many. */
function longest(lists: readonly (readonly number[])[]): number {
  return lists.reduce((most, { length }) => Math.max(most, length), 0);
}

function collateGraphs({
  graphs,
  queries,
  visibility,
  thoughtStart,
  thoughts,
  weight,
  total,
}: {
  graphs: readonly LaidOutGraph[];
  queries: number;
  visibility: VisibilityTable | undefined;
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
  const mixed: { place: number; ids: readonly number[] }[] = [];
  const [shownRows, taken, acceptedIds, acceptedStarts]: [number[], number[], number[], number[]] = [[], [], [], [0]];
  for (const [index, graph] of graphs.entries()) {
    prefixIds.set(graph.prefix, index * prefixTime);
    for (const [place, { ids, states, mixtures }] of graph.queries.entries()) {
      const start = (index * queries + place) * suffixTime;
      suffixIds.set(ids, start);
      for (const { position, ids: nodes } of mixtures) mixed.push({ place: start + position, ids: nodes });
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
    ...(mixed.length > 0 && { mixtures: equalShares(mixed) }),
    ...(visibility && { visibility: sightOf({ graphs, table: visibility, prefixTime, suffixTime }) }),
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

/** Mixtures of some ids each, in equal shares. */
function equalShares(
  mixed: readonly { place: number; ids: readonly number[] }[],
): NonNullable<GivenInputs['mixtures']> {
  const count = longest(mixed.map(({ ids }) => ids));
  const ids = new Int32Array(mixed.length * count);
  const weights = new Float32Array(mixed.length * count);
  for (const [index, mixture] of mixed.entries()) {
    ids.set(mixture.ids, index * count);
    weights.fill(1 / mixture.ids.length, index * count, index * count + mixture.ids.length);
  }
  return { places: Int32Array.from(mixed, ({ place }) => place), count, ids, weights };
}

/** Which positions attend to which in each question behind its graph; the graph's padding sees nothing and is seen by nothing. */
function sightOf({
  graphs,
  table,
  prefixTime,
  suffixTime,
}: {
  graphs: readonly LaidOutGraph[];
  table: VisibilityTable;
  prefixTime: number;
  suffixTime: number;
}): BatchVisibility {
  const rows = graphs.flatMap(({ prefixRoles, queries }) => {
    const padded = [...prefixRoles, ...new Array<string>(prefixTime - prefixRoles.length).fill(NO_ROLE)];
    return queries.map(({ roles }) => ({ roles: [...padded, ...roles], table, offset: 0 }));
  });
  return batchVisibility({ rows, time: prefixTime + suffixTime });
}
