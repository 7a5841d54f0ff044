import { drawGraphBatch, type GraphBatch, type GraphDrawing, type GraphExample } from '@subtext/reasoner';

import { DataOrder } from '../batches/data-order';
import { weightedTargets } from '../objectives/weighted-targets';
import type { Shard, Source } from './source';

/** Graphs with questions over each, drawn as they are needed. */
export function graphSource({
  examples,
  drawing,
  graphs,
  level,
  answers,
  place,
  seed,
  shards,
}: {
  examples: readonly GraphExample[];
  drawing: GraphDrawing;
  /** Graphs a step. */
  graphs: number;
  /** Thoughts before the state that the phase is about. */
  level: number;
  /** Whether the phase ends in an answer. */
  answers: boolean;
  /** Of the phase in the run, from 0: names the order of the graphs and the draws. */
  place: number;
  seed: number;
  shards: number;
}): Source<Shard<GraphBatch>> {
  const order = new DataOrder({ count: examples.length, seed, phase: place });
  return {
    batch: (step) =>
      drawGraphBatch({
        examples,
        indices: order.batch({ step, size: graphs }),
        drawing,
        level,
        answers,
        shards,
        counters: [seed, place, step],
      }).map((inputs) => ({ inputs, parts: { [weightedTargets.name]: inputs.targets } })),
  };
}
