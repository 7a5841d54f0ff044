import { porterStem } from './porter-stemmer';
import { tokenizeThirteenA } from './text-pieces';

type Numbered = { place: number; word: string };

/**
 * METEOR of a text against its references, 0 … 1, the exact and stem stages of nltk's `meteor_score`;
 * the stage of WordNet synonyms is left out. With P and R the matched share of the text and of the
 * reference, m matches in c chunks: `F = P·R / (α·P + (1 − α)·R)`, `score = (1 − γ·(c/m)^β) · F`
 * (Lavie and Agarwal, 2007). Of several references the best counts.
 */
export function meteor({
  hypothesis,
  references,
  alpha = 0.9,
  beta = 3,
  gamma = 0.5,
}: {
  /** Tokens, or a text that 13a tokenisation splits. */
  hypothesis: string | string[];
  references: (string | string[])[];
  /** @default 0.9 */
  alpha?: number;
  /** @default 3 */
  beta?: number;
  /** @default 0.5 */
  gamma?: number;
}): number {
  const tokens = (text: string | string[]) =>
    (typeof text === 'string' ? tokenizeThirteenA(text) : text).map((token) => token.toLowerCase());
  const written = tokens(hypothesis);
  let best = 0;
  for (const reference of references) {
    const given = tokens(reference);
    const matches = align(written, given);
    if (matches.length === 0) continue;
    const precision = matches.length / written.length;
    const recall = matches.length / given.length;
    const mean = (precision * recall) / (alpha * precision + (1 - alpha) * recall);
    best = Math.max(best, (1 - gamma * (countChunks(matches) / matches.length) ** beta) * mean);
  }
  return best;
}

/** Pairs of places, by place in the text: equal words first, then equal stems, each from the end as nltk takes them. */
function align(written: string[], given: string[]): [number, number][] {
  const left = written.map((word, place): Numbered => ({ place, word }));
  const right = given.map((word, place): Numbered => ({ place, word }));
  const exact = takeMatches(left, right);
  const stems = (words: Numbered[]) => words.map(({ place, word }): Numbered => ({ place, word: porterStem(word) }));
  return [...exact, ...takeMatches(stems(left), stems(right))].sort((one, other) => one[0] - other[0]);
}

/** Takes the matched words out of both lists. */
function takeMatches(left: Numbered[], right: Numbered[]): [number, number][] {
  const matches: [number, number][] = [];
  for (let index = left.length - 1; index >= 0; index--) {
    const one = left[index] as Numbered;
    const other = right.findLastIndex(({ word }) => word === one.word);
    if (other < 0) continue;
    matches.push([one.place, (right[other] as Numbered).place]);
    left.splice(index, 1);
    right.splice(other, 1);
  }
  return matches;
}

/** Runs of matches that follow each other in both texts. */
function countChunks(matches: [number, number][]): number {
  return matches.filter(([left, right], index) => {
    const before = matches[index - 1];
    return before === undefined || left !== before[0] + 1 || right !== before[1] + 1;
  }).length;
}
