import { meanAndDeviation } from '@subtext/core';

import { EvaluationError } from '../errors';
import { scoreOf, type SampleRecord } from '../results/sample-record';
import { pairedBootstrap } from '../statistics/bootstrap';
import { holmCorrection } from '../statistics/holm-correction';
import { mcnemarTest } from '../statistics/mcnemar';
import { compareSeeds, type SeedComparison } from '../statistics/seed-test';

/** A finished run of an experiment, with what it answered. */
export interface ExperimentRun {
  /** What all its seeds have in common. */
  cell: string;
  seed: number;
  /** All runs answer the same questions, in the same order. */
  samples: readonly SampleRecord[];
}

/** A cell over its seeds. */
export interface CellSummary {
  cell: string;
  seeds: number[];
  /** By seed. */
  scores: number[];
  mean: number;
  /** Sample standard deviation over the seeds; null for one seed. */
  deviation: number | null;
  /** Means over seeds and samples. */
  generatedTokens: number;
  generatedTokensWithoutTags: number;
  thoughts: number;
  forwardPasses: number;
  /** Over all seeds. */
  unparseable: number;
  failed: number;
}

/** Two cells over the seeds that both have. */
export interface CellComparison {
  left: string;
  right: string;
  seeds: number[];
  /** Mean of left − right over these seeds. */
  difference: number;
  /** By seed: two models on the same questions, by McNemar's test where scores are 0 or 1, else the paired bootstrap. */
  models: { seed: number; difference: number; pValue: number; adjustedPValue: number }[];
  /** Whether the two ways of training differ, whatever the seed; null with fewer than two seeds in both. */
  method: (SeedComparison & { adjustedPValue: number }) | null;
}

export interface ExperimentSummary {
  metric: string;
  confidence: number;
  cells: CellSummary[];
  comparisons: CellComparison[];
}

/**
 * Means and deviations of cells over their seeds, and tests between them. Tests of models (one for each pair and seed) and
 * tests of methods (one for each pair, the paired t-test over seeds) are corrected by Holm, each family by itself.
 *
 * @throws EvaluationError empty-set without runs; unpaired-samples where runs answered other questions; invalid-option for a
 *   pair of a cell that there is not.
 */
export function summarizeExperiment({
  runs,
  metric,
  pairs,
  confidence = 0.95,
}: {
  runs: readonly ExperimentRun[];
  /** The score, such as `exact_match`. */
  metric: string;
  /** Cells that are compared. @default every pair */
  pairs?: readonly (readonly [string, string])[];
  /** @default 0.95 */
  confidence?: number;
}): ExperimentSummary {
  const first = runs[0];
  if (first === undefined)
    throw new EvaluationError({
      code: 'empty-set',
      message: 'No run of the experiment is finished; there is nothing to sum up.',
    });
  const questions = (run: ExperimentRun) => run.samples.map(({ id, doc_hash }) => `${id} ${doc_hash}`).join('\n');
  const asked = questions(first);
  const other = runs.find((run) => questions(run) !== asked);
  if (other)
    throw new EvaluationError({
      code: 'unpaired-samples',
      message: `${other.cell} (seed ${other.seed}) answered other questions than ${first.cell} (seed ${first.seed}); evaluate all runs on the same data.`,
    });
  const names = [...new Set(runs.map(({ cell }) => cell))];
  const scoresOf = (cell: string) =>
    new Map(
      runs
        .filter((run) => run.cell === cell)
        .map(({ seed, samples }) => [seed, samples.map((sample) => scoreOf(sample, metric))] as const),
    );
  const scores = new Map(names.map((cell) => [cell, scoresOf(cell)] as const));
  const cells = names.map((cell): CellSummary => {
    const samples = runs.filter((run) => run.cell === cell).flatMap((run) => run.samples);
    const means = [...scores.get(cell)!.values()].map(mean);
    return {
      cell,
      seeds: [...scores.get(cell)!.keys()],
      scores: means,
      mean: mean(means),
      deviation: means.length > 1 ? meanAndDeviation(means).deviation : null,
      generatedTokens: mean(samples.map(({ generated_tokens }) => generated_tokens)),
      generatedTokensWithoutTags: mean(samples.map((sample) => sample.generated_tokens_without_tags)),
      thoughts: mean(samples.map(({ thoughts }) => thoughts)),
      forwardPasses: mean(samples.map((sample) => sample.forward_passes)),
      unparseable: samples.filter(({ unparseable }) => unparseable).length,
      failed: samples.filter(({ error }) => error !== undefined).length,
    };
  });
  const chosen = pairs ?? names.flatMap((left, index) => names.slice(index + 1).map((right) => [left, right] as const));
  const comparisons = chosen.flatMap(([left, right]): CellComparison[] => {
    const [ours, theirs] = [left, right].map((cell) => {
      const found = scores.get(cell);
      if (found === undefined)
        throw new EvaluationError({
          code: 'invalid-option',
          message: `There is no finished "${cell}" to compare; there are ${names.join(', ')}.`,
        });
      return found;
    }) as [Map<number, number[]>, Map<number, number[]>];
    const seeds = [...ours.keys()].filter((seed) => theirs.has(seed));
    if (seeds.length === 0) return [];
    const models = seeds.map((seed) =>
      compareModels({ seed, left: ours.get(seed)!, right: theirs.get(seed)!, confidence }),
    );
    const means = (of: Map<number, number[]>) => seeds.map((seed) => mean(of.get(seed)!));
    const method =
      seeds.length > 1
        ? { ...compareSeeds({ left: means(ours), right: means(theirs), confidence }), adjustedPValue: 1 }
        : null;
    return [{ left, right, seeds, difference: mean(models.map(({ difference }) => difference)), models, method }];
  });
  correct(comparisons.flatMap(({ models }) => models));
  correct(comparisons.flatMap(({ method }) => method ?? []));
  return { metric, confidence, cells, comparisons };
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

function compareModels({
  seed,
  left,
  right,
  confidence,
}: {
  seed: number;
  left: readonly number[];
  right: readonly number[];
  confidence: number;
}): CellComparison['models'][number] {
  const binary = [...left, ...right].every((score) => score === 0 || score === 1);
  const { pValue } = binary
    ? mcnemarTest({ left: left.map(Boolean), right: right.map(Boolean) })
    : pairedBootstrap({ left, right, confidence });
  return { seed, difference: mean(left) - mean(right), pValue, adjustedPValue: 1 };
}

/** Holm's correction over a family of tests. */
function correct(tests: readonly { pValue: number; adjustedPValue: number }[]): void {
  for (const [index, adjusted] of holmCorrection(tests.map(({ pValue }) => pValue)).entries())
    tests[index]!.adjustedPValue = adjusted;
}
