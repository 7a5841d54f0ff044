import { batchRows, collateLayouts, lossWeight, type ReasonerBatch } from '@subtext/reasoner';

import { DataOrder } from '../batches/data-order';
import { findObjective } from '../objectives/registry';
import type { ObjectiveUse } from '../objectives/objective';
import type { PhasePlan } from '../phases/phase-plan';
import { type LaidOutExample, laidOutShards, type ReasonerData } from './laid-out-examples';
import type { Shard, Source } from './source';

/** Batches of a data set as a phase lays it out, with the parts of the objectives. */
export function exampleSource({
  data,
  plan,
  place,
  objectives,
}: {
  data: ReasonerData;
  plan: PhasePlan;
  /** Of the phase in the run, from 0: names the order of the examples. */ place: number;
  objectives: readonly ObjectiveUse[];
}): Source<Shard<ReasonerBatch>> {
  const order = new DataOrder({ count: data.examples.length, seed: data.seed, phase: place });
  return {
    async batch(step) {
      const shards = await laidOutShards({ data, plan, order, step });
      const weight = lossWeight(shards.flat().map(({ layout }) => layout));
      const batches = await Promise.all(shards.map((items) => batchOf({ items, data, weight })));
      const parts = shards.map((): Record<string, unknown> => ({}));
      for (const { name, data: own } of objectives) {
        const found = await findObjective(name).parts?.({
          shards,
          batches,
          set: data,
          data: own,
          counters: [data.seed, place, step],
        });
        for (const [shard, part] of (found ?? []).entries()) if (part !== undefined) parts[shard]![name] = part;
      }
      return batches.map((inputs, shard) => ({ inputs, parts: parts[shard]! }));
    },

    async describe(step) {
      const shards = await laidOutShards({ data, plan, order, step });
      return shards
        .map((items, shard) =>
          items.map(({ example: { id, image }, layout: { ids, labels, thoughts } }) => ({
            id,
            shard,
            ...(image && { image: image.path }),
            ids,
            labels,
            thoughts,
          })),
        )
        .flat();
    },
  };
}

/** What of a shard's examples goes through the model. */
async function batchOf({
  items,
  data,
  weight,
}: {
  items: readonly LaidOutExample[];
  data: ReasonerData;
  weight: number;
}): Promise<ReasonerBatch> {
  const layouts = items.map(({ layout }) => layout);
  const batch = collateLayouts({ layouts: batchRows(layouts), padId: data.context.endId, lossWeight: weight });
  // A row that stands behind the examples' own shows its example's picture again.
  const again = items.flatMap(({ example: { image }, layout }) =>
    batchRows([layout])
      .slice(1)
      .map(() => image),
  );
  const images = await data.pictures?.prepare([...items.map(({ example: { image } }) => image), ...again]);
  return { ...batch, ...(images && { images }) };
}
