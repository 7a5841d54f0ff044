import { meanAndDeviation, wilsonInterval, type Interval, normalQuantile } from '@subtext/core';

import { EvaluationError } from '../errors';
import { scoreOf, type SampleRecord } from '../results/sample-record';
import { pairedBootstrap, pairedInterval, type BootstrapOptions, type PairedDifference } from '../statistics/bootstrap';
import { holmCorrection } from '../statistics/holm-correction';
import { mcnemarInterval, mcnemarTest, type McNemarResult } from '../statistics/mcnemar';

/** A run of one task, to be compared. */
export interface ComparedRun {
  /** How tables name it. */
  name: string;
  samples: readonly SampleRecord[];
}

/** A run's score with its interval. */
export interface RunScore {
  name: string;
  mean: number;
  /** Wilson's where all scores are 0 or 1, else mean ± z · standard error. */
  interval: Interval;
  standardError: number;
  count: number;
  unparseable: number;
  failed: number;
  /** Mean generated tokens, stage tags included. */
  generatedTokens: number;
  generatedTokensWithoutTags: number;
  thoughts: number;
  /** Mean seconds a sample. */
  seconds: number;
}

/** Two runs over the same samples. */
export interface RunComparison {
  left: string;
  right: string;
  /** Samples in both. */
  count: number;
  /**
   * left − right, with the interval that belongs to the test: McNemar's where scores are 0 or 1, else the paired
   * bootstrap's, at the level that Holm's correction leaves to this comparison. It leaves out 0 exactly where the
   * difference is `significant`. `pValue` is the bootstrap's own.
   */
  difference: Pick<PairedDifference, 'value' | 'interval' | 'standardError' | 'pValue'>;
  /** Where all scores are 0 or 1; else null. */
  mcnemar: McNemarResult | null;
  /** McNemar's p-value, or else the bootstrap's: a test of these two models, not of how they were trained. */
  pValue: number;
  /** After Holm's correction for the number of comparisons. */
  adjustedPValue: number;
  /** adjustedPValue < 1 − confidence: what words, tables and intervals follow. */
  significant: boolean;
}

/** All runs and all their pairs. */
export interface ComparisonResult {
  metric: string;
  confidence: number;
  runs: RunScore[];
  comparisons: RunComparison[];
}

/**
 * Compares runs of one task, each pair on the same samples.
 *
 * @throws EvaluationError unpaired-samples where runs hold other samples or other questions under one id.
 */
export function compareRuns({
  runs,
  metric,
  confidence = 0.95,
  onlyShared = false,
  ...options
}: BootstrapOptions & {
  /** Two or more. */
  runs: readonly ComparedRun[];
  /** The score, such as `exact_match`. */
  metric: string;
  /** Compares what runs have in common instead of refusing runs of other samples. @default false */
  onlyShared?: boolean;
}): ComparisonResult {
  if (runs.length < 2)
    throw new EvaluationError({
      code: 'invalid-option',
      message: `${runs.length} run cannot be compared; give two or more.`,
    });
  const names = new Set(runs.map((run) => run.name));
  if (names.size < runs.length)
    throw new EvaluationError({ code: 'invalid-option', message: 'Two runs have one name; name each its own.' });
  const comparisons: RunComparison[] = [];
  const paired: PairedDifference[] = [];
  for (const [index, left] of runs.entries()) {
    for (const right of runs.slice(index + 1)) {
      const pairs = pairSamples({ left, right, onlyShared });
      const leftScores = pairs.map(([sample]) => scoreOf(sample, metric));
      const rightScores = pairs.map(([, sample]) => scoreOf(sample, metric));
      const binary = [...leftScores, ...rightScores].every((score) => score === 0 || score === 1);
      const mcnemar = binary ? mcnemarTest({ left: leftScores.map(Boolean), right: rightScores.map(Boolean) }) : null;
      const difference = pairedBootstrap({ left: leftScores, right: rightScores, confidence, ...options });
      const { value, interval, standardError, pValue } = difference;
      paired.push(difference);
      comparisons.push({
        left: left.name,
        right: right.name,
        count: pairs.length,
        difference: { value, interval, standardError, pValue },
        mcnemar,
        pValue: mcnemar?.pValue ?? pValue,
        adjustedPValue: 1,
        significant: false,
      });
    }
  }
  for (const [index, adjusted] of holmCorrection(comparisons.map(({ pValue }) => pValue)).entries()) {
    const comparison = comparisons[index] as RunComparison;
    comparison.adjustedPValue = adjusted;
    comparison.significant = adjusted < 1 - confidence;
    // Holm compares p with (1 − confidence) · p / adjusted: the interval of that level says the same as the test.
    const level = 1 - (1 - confidence) * (adjusted > 0 ? comparison.pValue / adjusted : 1 / comparisons.length);
    comparison.difference.interval =
      comparison.mcnemar === null
        ? pairedInterval({ difference: paired[index] as PairedDifference, confidence: level })
        : mcnemarInterval({ result: comparison.mcnemar, count: comparison.count, confidence: level });
  }
  return { metric, confidence, runs: runs.map((run) => scoreRun({ run, metric, confidence })), comparisons };
}

/** A run's mean score, its interval and its costs. */
export function scoreRun({
  run,
  metric,
  confidence = 0.95,
}: {
  run: ComparedRun;
  metric: string;
  confidence?: number;
}): RunScore {
  const scores = run.samples.map((sample) => scoreOf(sample, metric));
  const { mean, standardError, count } = meanAndDeviation(scores);
  const z = normalQuantile(0.5 + confidence / 2);
  const binary = scores.every((score) => score === 0 || score === 1);
  const successes = scores.filter((score) => score === 1).length;
  const average = (column: 'generated_tokens' | 'generated_tokens_without_tags' | 'thoughts' | 'seconds') =>
    meanAndDeviation(run.samples.map((sample) => sample[column])).mean;
  return {
    name: run.name,
    mean,
    interval: binary
      ? wilsonInterval({ successes, total: count, confidence })
      : [mean - z * standardError, mean + z * standardError],
    standardError,
    count,
    unparseable: run.samples.filter((sample) => sample.unparseable).length,
    failed: run.samples.filter((sample) => sample.error !== undefined).length,
    generatedTokens: average('generated_tokens'),
    generatedTokensWithoutTags: average('generated_tokens_without_tags'),
    thoughts: average('thoughts'),
    seconds: average('seconds'),
  };
}

/** The samples that two runs share, with the same questions under the same ids. @throws EvaluationError unpaired-samples */
export function pairSamples({
  left,
  right,
  onlyShared,
}: {
  left: ComparedRun;
  right: ComparedRun;
  onlyShared: boolean;
}): [SampleRecord, SampleRecord][] {
  const others = new Map(right.samples.map((sample) => [sample.id, sample]));
  const pairs: [SampleRecord, SampleRecord][] = [];
  for (const sample of left.samples) {
    const other = others.get(sample.id);
    if (other === undefined) continue;
    if (other.doc_hash !== sample.doc_hash || other.target_hash !== sample.target_hash) {
      throw new EvaluationError({
        code: 'unpaired-samples',
        message: `"${left.name}" and "${right.name}" have different questions under the id "${sample.id}"; run both on the same data.`,
      });
    }
    pairs.push([sample, other]);
  }
  const unpaired = left.samples.length + right.samples.length - 2 * pairs.length;
  if (pairs.length === 0 || (unpaired > 0 && !onlyShared)) {
    throw new EvaluationError({
      code: 'unpaired-samples',
      message: `"${left.name}" (${left.samples.length} samples) and "${right.name}" (${right.samples.length}) share ${pairs.length}; run both on the same samples${pairs.length > 0 ? ', or ask for the shared ones only' : ''}.`,
    });
  }
  return pairs;
}
