import {
  collateLayouts,
  countPredicted,
  IGNORED_LABEL,
  type Layout,
  type ReasonerBatch,
  splitIntoShards,
} from '@subtext/reasoner';

import { DataOrder } from '../batches/data-order';
import type { StudyText } from '../packs/study-texts';
import type { Shard, Source } from './source';

/** Batches of texts about a document, for the objective `self-study`. */
export function selfStudySource({
  texts,
  batchSize,
  shards,
  padId,
  seed,
}: {
  texts: readonly StudyText[];
  batchSize: number;
  shards: number;
  padId: number;
  /** Of the order of the texts. */ seed: number;
}): Source<Shard<ReasonerBatch>> {
  const order = new DataOrder({ count: texts.length, seed, phase: 0 });
  const layouts = texts.map(layoutOf);
  const chosen = (step: number) => order.batch({ step, size: batchSize });
  return {
    batch(step) {
      const batch = chosen(step).map((index) => layouts[index]!);
      const lossWeight = 1 / batch.reduce((sum, layout) => sum + countPredicted(layout), 0);
      return splitIntoShards({ items: batch, shards }).map((items) => ({
        inputs: collateLayouts({ layouts: items, padId, lossWeight }),
        parts: {},
      }));
    },
    describe: (step) => chosen(step).map((index) => texts[index]),
  };
}

function layoutOf({ ids, from, thoughts = [] }: StudyText): Layout {
  return {
    ids: [...ids],
    labels: ids.map((id, position) => (position < Math.max(1, from) ? IGNORED_LABEL : id)),
    promptLength: from,
    thoughts: [...thoughts],
  };
}
