import type { ReasoningExample } from '../reasoning-example';
import { contentKey } from './content-key';

export interface Overlap {
  /** Held-out examples that stand in the training set too. */
  count: number;
  /** `count` over the number of held-out examples; 0 for an empty set. */
  share: number;
  heldOutExamples: number;
  trainExamples: number;
  /** The first 100, by id. */
  pairs: { train: string; heldOut: string }[];
}

type Examples = Iterable<ReasoningExample> | AsyncIterable<ReasoningExample>;

/**
 * Finds the held-out examples that were trained on, by a hash of what they ask (`contentKey`). The training set is
 * streamed; of each example only the hash is held.
 */
export async function findOverlap(options: { train: Examples; heldOut: Examples }): Promise<Overlap> {
  const trained = new Map<string, string>();
  let trainExamples = 0;
  for await (const example of options.train) {
    trainExamples += 1;
    trained.set(await contentKey(example), example.id);
  }
  const overlap: Overlap = { count: 0, share: 0, heldOutExamples: 0, trainExamples, pairs: [] };
  for await (const example of options.heldOut) {
    overlap.heldOutExamples += 1;
    const train = trained.get(await contentKey(example));
    if (train === undefined) continue;
    overlap.count += 1;
    if (overlap.pairs.length < 100) overlap.pairs.push({ train, heldOut: example.id });
  }
  overlap.share = overlap.heldOutExamples === 0 ? 0 : overlap.count / overlap.heldOutExamples;
  return overlap;
}
