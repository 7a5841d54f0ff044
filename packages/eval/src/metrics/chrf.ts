import { checkPairs } from './bleu';
import { countGrams, countShared, splitWords } from './text-pieces';

/** Options of both chrF functions. */
export interface ChrfOptions {
  /** Longest character n-gram. @default 6 */
  characterOrder?: number;
  /** Longest word n-gram; 2 makes it chrF++. @default 0 */
  wordOrder?: number;
  /** How much more recall counts than precision. @default 2 */
  beta?: number;
  /** @default false */
  lowercase?: boolean;
  /** Whether white space counts as characters. @default false */
  whitespace?: boolean;
}

/**
 * chrF of a corpus, 0 … 100: `F_β = (1 + β²) · P · R / (β² · P + R)` over the mean precision and
 * recall of the orders that both texts have, equal to sacrebleu's `corpus_chrf` (Popović, 2015, 2017).
 */
export function corpusChrf({
  hypotheses,
  references,
  ...options
}: ChrfOptions & { hypotheses: string[]; references: string[][] }): number {
  checkPairs(hypotheses, references);
  const sums: number[] = [];
  for (const [index, hypothesis] of hypotheses.entries()) {
    const best = bestStatistics({ hypothesis, references: references[index] as string[], options });
    for (const [place, value] of best.entries()) sums[place] = (sums[place] ?? 0) + value;
  }
  return scoreOf(sums, options.beta ?? 2);
}

/** chrF of one sentence, 0 … 100; of several references the best counts. Equal to sacrebleu's `sentence_chrf`. */
export function sentenceChrf({
  hypothesis,
  references,
  ...options
}: ChrfOptions & { hypothesis: string; references: string[] }): number {
  checkPairs([hypothesis], [references]);
  return scoreOf(bestStatistics({ hypothesis, references, options }), options.beta ?? 2);
}

/** For each order: n-grams written, n-grams given, n-grams in both; of the reference that scores best. */
function bestStatistics({
  hypothesis,
  references,
  options,
}: {
  hypothesis: string;
  references: string[];
  options: ChrfOptions;
}): number[] {
  const written = gramsOf(hypothesis, options);
  let best: number[] = [];
  let bestScore = -1;
  for (const reference of references) {
    const statistics = gramsOf(reference, options).flatMap((given, order) => {
      const mine = written[order] as Map<string, number>;
      return [given.size === 0 ? 0 : total(mine), total(given), countShared(mine, given)];
    });
    const score = scoreOf(statistics, options.beta ?? 2);
    if (score > bestScore) {
      bestScore = score;
      best = statistics;
    }
  }
  return best;
}

function gramsOf(
  text: string,
  { characterOrder = 6, wordOrder = 0, lowercase = false, whitespace = false }: ChrfOptions,
): Map<string, number>[] {
  const cased = lowercase ? text.toLowerCase() : text;
  const characters = Array.from(whitespace ? cased : splitWords(cased).join(''));
  const grams = Array.from({ length: characterOrder }, (_, order) => countGrams(characters, order + 1));
  if (wordOrder > 0) {
    const words = separatePunctuation(cased);
    for (let order = 1; order <= wordOrder; order++) grams.push(countGrams(words, order));
  }
  return grams;
}

const punctuation = new Set('!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~');

/** Takes a punctuation mark off a word's end, or else off its beginning, as chrF++ does. */
function separatePunctuation(text: string): string[] {
  return splitWords(text).flatMap((word) => {
    const characters = Array.from(word);
    if (characters.length === 1) return [word];
    const last = characters.at(-1) as string;
    const first = characters[0] as string;
    if (punctuation.has(last)) return [characters.slice(0, -1).join(''), last];
    if (punctuation.has(first)) return [first, characters.slice(1).join('')];
    return [word];
  });
}

function scoreOf(statistics: number[], beta: number): number {
  let precision = 0;
  let recall = 0;
  let orders = 0;
  for (let place = 0; place < statistics.length; place += 3) {
    const [written, given, shared] = statistics.slice(place, place + 3) as [number, number, number];
    if (written === 0 || given === 0) continue;
    precision += shared / written;
    recall += shared / given;
    orders++;
  }
  if (orders === 0 || precision + recall === 0) return 0;
  precision /= orders;
  recall /= orders;
  const factor = beta ** 2;
  return (100 * (1 + factor) * precision * recall) / (factor * precision + recall);
}

function total(counts: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const count of counts.values()) sum += count;
  return sum;
}
