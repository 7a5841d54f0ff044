import { porterStem } from './porter-stemmer';
import { countGrams, countShared } from './text-pieces';

/** Precision, recall and their harmonic mean, each 0 … 1. */
export interface RougeScore {
  precision: number;
  recall: number;
  fMeasure: number;
}

/** The three scores of a pair of texts. */
export interface RougeScores {
  rouge1: RougeScore;
  rouge2: RougeScore;
  rougeL: RougeScore;
}

/**
 * ROUGE-1, ROUGE-2 and ROUGE-L of a text against its reference, equal to google's `rouge-score`
 * (Lin, 2004): words are runs of a–z and 0–9 after lower-casing; other scripts hold no words.
 */
export function rouge({
  hypothesis,
  reference,
  stemmer = false,
}: {
  hypothesis: string;
  reference: string;
  /** Porter stems of words over three letters. @default false */
  stemmer?: boolean;
}): RougeScores {
  const written = rougeTokens(hypothesis, stemmer);
  const given = rougeTokens(reference, stemmer);
  const grams = (order: number) =>
    scoreOf(
      countShared(countGrams(given, order), countGrams(written, order)),
      Math.max(0, written.length - order + 1),
      Math.max(0, given.length - order + 1),
    );
  return {
    rouge1: grams(1),
    rouge2: grams(2),
    rougeL: scoreOf(longestCommonSubsequence(given, written), written.length, given.length),
  };
}

function rougeTokens(text: string, stemmer: boolean): string[] {
  const words = text.toLowerCase().match(/[a-z0-9]+/g) ?? [];
  return stemmer ? words.map((word) => (word.length > 3 ? porterStem(word) : word)) : words;
}

function scoreOf(shared: number, written: number, given: number): RougeScore {
  const precision = shared / Math.max(written, 1);
  const recall = shared / Math.max(given, 1);
  return { precision, recall, fMeasure: precision + recall > 0 ? (2 * precision * recall) / (precision + recall) : 0 };
}

/** Length of the longest common subsequence, in two rows of memory. */
function longestCommonSubsequence(left: string[], right: string[]): number {
  let above = new Uint32Array(right.length + 1);
  for (const word of left) {
    const row = new Uint32Array(right.length + 1);
    for (let column = 1; column <= right.length; column++) {
      row[column] =
        word === right[column - 1]
          ? (above[column - 1] as number) + 1
          : Math.max(above[column] as number, row[column - 1] as number);
    }
    above = row;
  }
  return above[right.length] as number;
}
