import { type Peers, shareOut } from '@subtext/core/node';

/**
 * Works on items batch by batch: the batches are dealt to the processes that work together, and stay whole, so that each
 * item stands beside the same others, and gives the same bytes, as in one process.
 *
 * @returns on every process, one result for each item, in order
 */
export async function inBatches<Item, Result>({
  items,
  batch,
  peers,
  signal,
  onProgress,
  work,
}: {
  items: readonly Item[];
  /** Items side by side. */
  batch: number;
  /** @default this process by itself */
  peers?: Peers;
  signal?: AbortSignal;
  /** Called after each batch of this process, as if the others were as far. @default none */
  onProgress?: (progress: { done: number; total: number }) => void;
  /** Gives one result for each item; `start`: the place of the first. */
  work: (group: readonly Item[], start: number) => Promise<Result[]>;
}): Promise<Result[]> {
  const groups = await shareOut({
    peers,
    count: Math.ceil(items.length / batch),
    async work(index) {
      signal?.throwIfAborted();
      const start = index * batch;
      const results = await work(items.slice(start, start + batch), start);
      onProgress?.({ done: Math.min(start + batch, items.length), total: items.length });
      return results;
    },
  });
  return groups.flat(1) as Result[];
}
