import type { ReasoningExample } from '../reasoning-example';
import { contentKey, questionKey } from './content-key';

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
 * streamed; the held-out set is held. Pictures are decoded only where both sets ask one question about a picture, so that
 * a training set of many thousand pictures is looked through in the time that reading its questions takes.
 */
export async function findOverlap(options: { train: Examples; heldOut: Examples }): Promise<Overlap> {
  const byQuestion = new Map<string, ReasoningExample[]>();
  const heldOut: ReasoningExample[] = [];
  for await (const example of options.heldOut) {
    const question = questionKey(example);
    heldOut.push(example);
    const same = byQuestion.get(question);
    if (same) same.push(example);
    else byQuestion.set(question, [example]);
  }
  const keys = new Map<ReasoningExample, string>();
  const wanted = new Set<string>();
  const decoded = new Set<string>();
  const trained = new Map<string, string>();
  let trainExamples = 0;
  for await (const example of options.train) {
    trainExamples += 1;
    const question = questionKey(example);
    const candidates = byQuestion.get(question);
    if (!candidates) continue;
    // The held-out side of a question is looked at when the training set first asks it.
    if (!decoded.has(question)) {
      decoded.add(question);
      for (const candidate of candidates) {
        const key = await contentKey(candidate);
        keys.set(candidate, key);
        wanted.add(key);
      }
    }
    const key = await contentKey(example);
    if (wanted.has(key)) trained.set(key, example.id);
  }
  const overlap: Overlap = { count: 0, share: 0, heldOutExamples: heldOut.length, trainExamples, pairs: [] };
  for (const example of heldOut) {
    const key = keys.get(example);
    const train = key === undefined ? undefined : trained.get(key);
    if (train === undefined) continue;
    overlap.count += 1;
    if (overlap.pairs.length < 100) overlap.pairs.push({ train, heldOut: example.id });
  }
  overlap.share = overlap.heldOutExamples === 0 ? 0 : overlap.count / overlap.heldOutExamples;
  return overlap;
}
