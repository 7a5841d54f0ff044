import { EvaluationError } from '../errors';
import { countGrams, stripEnd, tokenizeThirteenA } from './text-pieces';

/** How orders without a match are counted (Chen and Cherry, WMT 2014). */
export type BleuSmoothing =
  /** NIST's: each order without a match counts half as much as the one before. */
  | 'exponential'
  /** A small value stands for no match. */
  | 'floor'
  /** A constant is added to matches and totals of the orders above the first. */
  | 'add-k'
  | 'none';

/** Options of both BLEU functions. */
export interface BleuOptions {
  /** @default 'exponential' */
  smoothing?: BleuSmoothing;
  /** @default 0.1 for `floor`, 1 for `add-k` */
  smoothingValue?: number;
  /** Longest n-gram. @default 4 */
  maximumOrder?: number;
  /** @default false */
  lowercase?: boolean;
  /** Leaves out orders that the text is too short for. @default true for one sentence, false for a corpus */
  effectiveOrder?: boolean;
}

/** BLEU and what it was made from. */
export interface BleuScore {
  /** 0 … 100. */
  score: number;
  /** Modified precision of each order, 0 … 100. */
  precisions: number[];
  brevityPenalty: number;
  hypothesisLength: number;
  referenceLength: number;
}

/**
 * BLEU of a corpus, `score = BP · exp(Σₙ log pₙ / N)`, equal to sacrebleu's `corpus_bleu` with 13a
 * tokenisation (Papineni et al., 2002; Post, 2018).
 *
 * @throws EvaluationError length-mismatch or empty-set where texts and references do not pair.
 */
export function corpusBleu({
  hypotheses,
  references,
  ...options
}: BleuOptions & {
  hypotheses: string[];
  /** One list a hypothesis, each with one reference or more. */
  references: string[][];
}): BleuScore {
  checkPairs(hypotheses, references);
  const order = options.maximumOrder ?? 4;
  const total: Statistics = {
    hypothesisLength: 0,
    referenceLength: 0,
    matches: new Array<number>(order).fill(0),
    totals: new Array<number>(order).fill(0),
  };
  for (const [index, hypothesis] of hypotheses.entries()) {
    const one = sentenceStatistics({
      hypothesis,
      references: references[index] as string[],
      order,
      lowercase: options.lowercase ?? false,
    });
    total.hypothesisLength += one.hypothesisLength;
    total.referenceLength += one.referenceLength;
    for (let n = 0; n < order; n++) {
      total.matches[n] = (total.matches[n] as number) + (one.matches[n] as number);
      total.totals[n] = (total.totals[n] as number) + (one.totals[n] as number);
    }
  }
  return bleuOf(total, { effectiveOrder: false, ...options });
}

/** BLEU of one sentence, equal to sacrebleu's `sentence_bleu`. */
export function sentenceBleu({
  hypothesis,
  references,
  ...options
}: BleuOptions & { hypothesis: string; references: string[] }): BleuScore {
  checkPairs([hypothesis], [references]);
  const statistics = sentenceStatistics({
    hypothesis,
    references,
    order: options.maximumOrder ?? 4,
    lowercase: options.lowercase ?? false,
  });
  return bleuOf(statistics, { effectiveOrder: true, ...options });
}

interface Statistics {
  hypothesisLength: number;
  referenceLength: number;
  matches: number[];
  totals: number[];
}

function sentenceStatistics({
  hypothesis,
  references,
  order,
  lowercase,
}: {
  hypothesis: string;
  references: string[];
  order: number;
  lowercase: boolean;
}): Statistics {
  const tokens = (text: string) => tokenizeThirteenA(stripEnd(lowercase ? text.toLowerCase() : text));
  const written = tokens(hypothesis);
  const given = references.map(tokens);
  // The reference whose length is nearest; of two as near, the shorter.
  const nearest = given
    .map((one) => one.length)
    .reduce((best, length) => {
      const difference = Math.abs(length - written.length) - Math.abs(best - written.length);
      return difference < 0 || (difference === 0 && length < best) ? length : best;
    });
  const matches: number[] = [];
  const totals: number[] = [];
  for (let n = 1; n <= order; n++) {
    const most = new Map<string, number>();
    for (const one of given)
      for (const [gram, count] of countGrams(one, n)) most.set(gram, Math.max(most.get(gram) ?? 0, count));
    let matched = 0;
    for (const [gram, count] of countGrams(written, n)) matched += Math.min(count, most.get(gram) ?? 0);
    matches.push(matched);
    totals.push(Math.max(0, written.length - n + 1));
  }
  return { hypothesisLength: written.length, referenceLength: nearest, matches, totals };
}

function bleuOf({ hypothesisLength, referenceLength, matches, totals }: Statistics, options: BleuOptions): BleuScore {
  const { smoothing = 'exponential', maximumOrder = 4, effectiveOrder = false } = options;
  const smoothingValue = options.smoothingValue ?? (smoothing === 'floor' ? 0.1 : 1);
  const brevityPenalty =
    hypothesisLength >= referenceLength
      ? 1
      : hypothesisLength > 0
        ? Math.exp(1 - referenceLength / hypothesisLength)
        : 0;
  const precisions = new Array<number>(maximumOrder).fill(0);
  const result = { precisions, brevityPenalty, hypothesisLength, referenceLength };
  if (matches.every((count) => count === 0)) return { score: 0, ...result };
  let halving = 1;
  let orders = maximumOrder;
  for (let n = 0; n < maximumOrder; n++) {
    const added = smoothing === 'add-k' && n > 0 ? smoothingValue : 0;
    const matched = (matches[n] as number) + added;
    const total = (totals[n] as number) + added;
    if (total === 0) break;
    if (effectiveOrder) orders = n + 1;
    if (matched > 0) precisions[n] = (100 * matched) / total;
    else if (smoothing === 'exponential') {
      halving *= 2;
      precisions[n] = 100 / (halving * total);
    } else if (smoothing === 'floor') precisions[n] = (100 * smoothingValue) / total;
  }
  // sacrebleu's logarithm of zero, so far down that the score is 0.
  const logarithms = precisions
    .slice(0, orders)
    .map((precision) => (precision === 0 ? -9999999999 : Math.log(precision)));
  const score = brevityPenalty * Math.exp(logarithms.reduce((sum, value) => sum + value, 0) / orders);
  return { score, ...result };
}

/** Refuses an empty corpus and texts without references. */
export function checkPairs(hypotheses: string[], references: string[][]): void {
  if (hypotheses.length === 0) {
    throw new EvaluationError({
      code: 'empty-set',
      message: 'There is no text to score; give at least one hypothesis.',
    });
  }
  if (hypotheses.length !== references.length) {
    throw new EvaluationError({
      code: 'length-mismatch',
      message: `${hypotheses.length} hypotheses but ${references.length} lists of references; give one list a hypothesis, in the same order.`,
    });
  }
  const bare = references.findIndex((list) => list.length === 0);
  if (bare >= 0) {
    throw new EvaluationError({
      code: 'empty-set',
      message: `Hypothesis ${bare + 1} has no reference; give at least one.`,
    });
  }
}
