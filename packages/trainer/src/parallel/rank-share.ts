/** What one process of a run computes and keeps. */
export interface RankShare {
  rank: number;
  /** How many processes train together. */
  ranks: number;
  /** Its shards: from this one on, so many. */
  firstShard: number;
  ownShards: number;
  /** Its slice of the flat arrays, which it sums, and updates where the optimizer's state is in parts. */
  from: number;
  to: number;
  /** Where the slices of all ranks begin, and the last one ends: `[ranks + 1]`. */
  bounds: number[];
}

/** Cuts a run among ranks: shards in blocks, so that their order is that of the ranks, and slices of whole units. */
export function shareOf({
  rank,
  ranks,
  shards,
  spans,
  length,
  unit,
}: {
  rank: number;
  ranks: number;
  /** A multiple of `ranks`. */
  shards: number;
  spans: readonly { offset: number; length: number }[];
  /** Elements of all spans. */
  length: number;
  /** What a slice is made of: so many elements, or whole parameters. */
  unit: number | 'parameter';
}): RankShare {
  const ownShards = shards / ranks;
  const bounds = Array.from({ length: ranks + 1 }, (_, index) => {
    if (index === ranks) return length;
    if (unit !== 'parameter') return Math.min(length, Math.floor((Math.ceil(length / unit) * index) / ranks) * unit);
    return spans.find(({ offset }) => offset >= (length * index) / ranks)?.offset ?? length;
  });
  return { rank, ranks, firstShard: rank * ownShards, ownShards, from: bounds[rank]!, to: bounds[rank + 1]!, bounds };
}
