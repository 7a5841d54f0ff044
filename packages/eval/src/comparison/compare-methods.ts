import { EvaluationError } from '../errors';
import { formatValue } from '../report/format-value';
import { proseSection } from '../report/prose-section';
import type { ReportSection } from '../report/report-section';
import { tableSection, type TableCell, type TableColumn } from '../report/table-section';
import { compareSeeds, type SeedComparison } from '../statistics/seed-test';
import { type ComparedRun, pairSamples, scoreRun } from './compare-runs';
import { markdownTable, probability } from './comparison-tables';

/** Two methods, each trained with several seeds. */
export interface MethodComparison {
  metric: string;
  confidence: number;
  /** By seed. */
  left: { name: string; mean: number }[];
  right: { name: string; mean: number }[];
  /** Samples that every run answered. */
  samples: number;
  /** The paired tests over seeds. */
  comparison: SeedComparison;
}

/**
 * Whether two methods differ, from runs of models that were trained with several seeds: the first run of one is paired with
 * the first of the other, and so on, all on the same samples. What varies is the seed, not the question.
 *
 * @throws EvaluationError unpaired-samples where runs hold other samples; length-mismatch where there are not as many runs of
 *   one method as of the other; empty-set for fewer than two seeds.
 */
export function compareMethods({
  left,
  right,
  metric,
  confidence = 0.95,
}: {
  /** By seed. */ left: readonly ComparedRun[];
  right: readonly ComparedRun[];
  /** The score, such as `exact_match`. */ metric: string;
  /** @default 0.95 */ confidence?: number;
}): MethodComparison {
  if (left.length !== right.length)
    throw new EvaluationError({
      code: 'length-mismatch',
      message: `There are ${left.length} runs of one method and ${right.length} of the other; give the same seeds of both, in the same order.`,
    });
  const [first, ...others] = [...left, ...right];
  // Throws where questions differ.
  for (const other of others) pairSamples({ left: first!, right: other, onlyShared: false });
  const means = (runs: readonly ComparedRun[]) =>
    runs.map((run) => ({ name: run.name, mean: scoreRun({ run, metric, confidence }).mean }));
  const [ours, theirs] = [means(left), means(right)];
  return {
    metric,
    confidence,
    left: ours,
    right: theirs,
    samples: first!.samples.length,
    comparison: compareSeeds({
      left: ours.map(({ mean }) => mean),
      right: theirs.map(({ mean }) => mean),
      confidence,
    }),
  };
}

/** What the comparison says, in one sentence: the first method's score less the second one's. */
export function methodSentence({ confidence, comparison }: MethodComparison): string {
  const { seeds, difference, interval, pValue, permutationPValue } = comparison;
  const points = (value: number) => formatValue({ value: 100 * value, digits: 1 });
  const exact = Number.isNaN(permutationPValue) ? '' : `, exact over signs p = ${probability(permutationPValue)}`;
  const measured = `first − second is ${points(difference)} points [${points(interval[0])}, ${points(interval[1])}] over ${seeds} seeds (paired t-test p ${probability(pValue).replace(/^(?!<)/, '= ')}${exact})`;
  if (pValue < 1 - confidence)
    return `The ${difference > 0 ? 'first' : 'second'} method is better than the ${difference > 0 ? 'second' : 'first'}: ${measured}.`;
  return `The methods do not differ significantly; either may be better: ${measured}.`;
}

const columns: TableColumn[] = [
  { header: 'first method' },
  { header: 'score', format: 'percent', align: 'right' },
  { header: 'second method' },
  { header: 'score', format: 'percent', align: 'right' },
  { header: 'first − second', format: 'percent', align: 'right' },
];

function rows({ left, right }: MethodComparison): TableCell[][] {
  return left.map(({ name, mean }, seed) => [
    name,
    mean,
    right[seed]!.name,
    right[seed]!.mean,
    mean - right[seed]!.mean,
  ]);
}

/** The comparison as sections of a report. */
export function methodSections(result: MethodComparison): ReportSection[] {
  return [
    proseSection({ title: 'What the comparison says', list: [methodSentence(result)] }),
    tableSection({
      title: 'Scores by seed',
      caption: `${result.metric}, the mean over ${result.samples} samples. Student’s paired t-test and the exact test over changes of sign, which with n seeds is never below 2/2ⁿ, say whether the methods differ, whatever the seed.`,
      columns,
      rows: rows(result),
    }),
  ];
}

/** The comparison as Markdown. */
export function methodMarkdown(result: MethodComparison): string {
  return [`- ${methodSentence(result)}`, '', ...markdownTable({ columns, rows: rows(result) }), ''].join('\n');
}
