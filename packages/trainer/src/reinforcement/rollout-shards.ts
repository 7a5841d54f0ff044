import { collateLayouts, type ReasonerBatch, splitIntoShards, type ThoughtSampling } from '@subtext/reasoner';

import type { GrpoPart } from '../objectives/grpo';
import type { ReasonerData } from '../sources/laid-out-examples';
import type { Shard } from '../sources/source';
import type { Rollout } from './rollouts';

/** What of a rollout goes into a batch. */
export type LearnedRollout = Pick<Rollout, 'example' | 'layout' | 'drawn' | 'halts' | 'advantage'>;

/** How rollouts become shards. */
export interface RolloutShardsOptions {
  rollouts: readonly LearnedRollout[];
  data: Pick<ReasonerData, 'context' | 'method' | 'pictures' | 'shards'>;
  temperature: number;
  thoughts: ThoughtSampling;
  /** Whether each answer counts the same, or each token. */
  per: 'answer' | 'token';
  /** What was measured of all of them, of the whole step. */
  measures: Readonly<Record<string, number>>;
}

/** A shard of rollouts. */
export interface RolloutShard extends Shard<ReasonerBatch> {
  parts: { grpo: GrpoPart };
  /** By action, the place of its rollout in the shard. */
  rolloutOf: Int32Array;
  rollouts: readonly LearnedRollout[];
}

/**
 * The shards of a step: the rollouts that something is to be learned from, and, where these are fewer than shards, some
 * of the others, which count nothing.
 */
export async function rolloutShards({
  rollouts,
  data: { context, method, pictures, shards },
  temperature,
  thoughts,
  per,
  measures,
}: RolloutShardsOptions): Promise<RolloutShard[]> {
  const marks = method.halting?.(context);
  const learned = rollouts.filter(({ advantage }) => advantage !== null);
  const idle = rollouts.filter(({ advantage }) => advantage === null);
  const taken = [...learned, ...idle.slice(0, Math.max(0, shards - learned.length))];
  const actionsOf = ({ layout, drawn, halts }: LearnedRollout) =>
    layout.ids.length - layout.promptLength + drawn.length + halts.length;
  const actions = learned.reduce((sum, rollout) => sum + actionsOf(rollout), 0);
  const weightOf = (rollout: LearnedRollout) => {
    if (rollout.advantage === null) return 0;
    return per === 'token' ? 1 / actions : 1 / (learned.length * actionsOf(rollout));
  };
  return Promise.all(
    splitIntoShards({ items: taken, shards }).map(async (items) => {
      const layouts = items.map(({ layout }) => layout);
      const batch = collateLayouts({ layouts, padId: context.endId, lossWeight: 0 });
      const images = await pictures?.prepare(items.map(({ example }) => example.image));
      const places = items.flatMap(({ layout, drawn }, row) =>
        drawn.map((thought, index) => ({
          thought,
          row,
          // The state that the thought was drawn from stands before it.
          state: row * batch.time + layout.inputs![index]!.position - 1,
        })),
      );
      const tokens = items.flatMap(({ layout }, row) =>
        new Array<number>(layout.ids.length - layout.promptLength).fill(row),
      );
      const decisions = items.flatMap(({ halts }, row) =>
        halts.map(({ position, taken }) => ({ row, state: row * batch.time + position, taken: taken ? 1 : -1 })),
      );
      const rolloutOf = Int32Array.from([
        ...tokens,
        ...places.map(({ row }) => row),
        ...decisions.map(({ row }) => row),
      ]);
      return {
        inputs: { ...batch, ...(images && { images }) },
        rollouts: items,
        rolloutOf,
        parts: {
          grpo: {
            text: { rows: batch.lossRows, ids: batch.lossLabels, picks: 1, temperature },
            ...drawnParts({ places, thoughts }),
            ...(marks?.more !== undefined &&
              decisions.length > 0 && {
                halts: {
                  rows: Int32Array.from(decisions, ({ state }) => state),
                  taken: Float32Array.from(decisions, ({ taken }) => taken),
                  ...marks,
                },
              }),
            advantages: Float32Array.from(rolloutOf, (row) => items[row]!.advantage ?? 0),
            weights: Float32Array.from(rolloutOf, (row) => weightOf(items[row]!)),
            measures: Object.fromEntries(Object.entries(measures).map(([name, value]) => [name, value / shards])),
          },
        },
      };
    }),
  );
}

/** The thoughts of a shard's rollouts as actions. */
function drawnParts({
  places,
  thoughts,
}: {
  places: readonly { thought: Rollout['drawn'][number]; state: number }[];
  thoughts: ThoughtSampling;
}): Pick<GrpoPart, 'thoughts' | 'vectors'> {
  // What latent heads predict is not trained by rewards.
  if (thoughts.kind === 'state' || thoughts.kind === 'latent-head' || places.length === 0) return {};
  const rows = Int32Array.from(places, ({ state }) => state);
  if (thoughts.kind === 'tokens') {
    const ids = Int32Array.from(places.flatMap(({ thought }) => ('ids' in thought ? thought.ids : [])));
    return { thoughts: { rows, ids, picks: thoughts.count, temperature: thoughts.count } };
  }
  const values = Float32Array.from(places.flatMap(({ thought }) => ('vector' in thought ? [...thought.vector] : [])));
  return { vectors: { rows, values, deviation: thoughts.deviation } };
}
