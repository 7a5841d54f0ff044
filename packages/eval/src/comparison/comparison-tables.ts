import { formatInterval, formatValue } from '../report/format-value';
import { proseSection } from '../report/prose-section';
import type { ReportSection } from '../report/report-section';
import { tableSection, type TableCell, type TableColumn } from '../report/table-section';
import type { ComparisonResult, RunComparison } from './compare-runs';

/** What the comparisons say, a sentence each; the ones that are not significant are named so. */
export function comparisonSentences({ comparisons, confidence }: ComparisonResult): string[] {
  return comparisons.map((comparison) => {
    const { left, right, difference, adjustedPValue, significant, count } = comparison;
    const points = `${formatValue({ value: 100 * Math.abs(difference.value), digits: 1 })} points [${bounds(comparison)}]`;
    const test = `p ${probability(adjustedPValue).replace(/^(?!<)/, '= ')}${comparisons.length > 1 ? ' after Holm' : ''}, ${count} samples`;
    if (!significant) return `${left} and ${right} do not differ significantly: ${difference.value === 0 ? 'no difference' : points} (${test}). At ${formatValue({ value: confidence, format: 'percent', digits: 0 })} confidence either may be better.`;
    return `${difference.value > 0 ? left : right} is better than ${difference.value > 0 ? right : left} by ${points} (${test}).`;
  });
}

const scoreColumns: TableColumn[] = [
  { header: 'run' },
  { header: 'score', format: 'percent', align: 'right' },
  { header: 'samples', format: 'integer' },
  { header: 'tokens with tags', digits: 1 },
  { header: 'without', digits: 1 },
  { header: 'thoughts', digits: 1 },
  { header: 'seconds', format: 'seconds' },
  { header: 'unparseable', format: 'integer' },
  { header: 'failed', format: 'integer' },
];

const pairColumns: TableColumn[] = [
  { header: 'left' },
  { header: 'right' },
  { header: 'difference', format: 'percent', align: 'right' },
  { header: 'only left is correct', align: 'right' },
  { header: 'only right is correct', align: 'right' },
  { header: 'p', align: 'right' },
  { header: 'p after Holm', align: 'right' },
  { header: 'significant' },
];

/** The comparison as sections of a report. */
export function comparisonSections(result: ComparisonResult): ReportSection[] {
  return [
    proseSection({ title: 'What the comparison says', list: comparisonSentences(result) }),
    tableSection({
      title: 'Scores',
      caption: `${result.metric} with its ${formatValue({ value: result.confidence, format: 'percent', digits: 0 })} interval; tokens, thoughts and seconds are means a sample.`,
      columns: scoreColumns,
      rows: scoreRows(result),
    }),
    tableSection({
      title: 'Pairs of runs',
      caption: 'Differences left − right over the same samples with bootstrap intervals; p by McNemar where scores are right or wrong, else by the bootstrap.',
      columns: pairColumns,
      rows: pairRows(result),
    }),
  ];
}

/** The comparison as Markdown. */
export function comparisonMarkdown(result: ComparisonResult): string {
  const list = comparisonSentences(result).map((sentence) => `- ${sentence}`);
  return [...list, '', ...markdownTable(scoreColumns, scoreRows(result)), '', ...markdownTable(pairColumns, pairRows(result)), ''].join('\n');
}

function scoreRows({ runs }: ComparisonResult): TableCell[][] {
  return runs.map((run) => [
    run.name,
    { value: run.mean, interval: run.interval },
    run.count,
    run.generatedTokens,
    run.generatedTokensWithoutTags,
    run.thoughts,
    run.seconds,
    run.unparseable,
    run.failed,
  ]);
}

function pairRows({ comparisons }: ComparisonResult): TableCell[][] {
  return comparisons.map(({ left, right, difference, mcnemar, pValue, adjustedPValue, significant }) => [
    left,
    right,
    { value: difference.value, interval: difference.interval },
    mcnemar?.onlyLeft ?? null,
    mcnemar?.onlyRight ?? null,
    probability(pValue),
    probability(adjustedPValue),
    significant ? { value: 'yes', tone: 'good' } : { value: 'not significant', tone: 'uncertain' },
  ]);
}

/** A table in Markdown from the same cells as a report's. */
export function markdownTable(columns: readonly TableColumn[], rows: readonly TableCell[][]): string[] {
  const line = (cells: string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replace(/\s*\n\s*/g, ' ')).join(' | ')} |`;
  const text = (cell: TableCell, column: TableColumn): string => {
    const rich = typeof cell === 'object' && cell !== null ? cell : { value: cell };
    const { format = column.format, digits = column.digits } = rich;
    if (rich.value === null) return '–';
    const value = typeof rich.value === 'number' ? formatValue({ value: rich.value, format, digits }) : rich.value;
    return rich.interval === undefined ? value : `${value} ${formatInterval({ interval: rich.interval, format, digits })}`;
  };
  return [
    line(columns.map((column) => column.header)),
    line(columns.map((column, index) => (index === 0 || column.align === 'left' ? '---' : '---:'))),
    ...rows.map((row) => line(row.map((cell, index) => text(cell, columns[index] as TableColumn)))),
  ];
}

function bounds({ difference: { value, interval } }: RunComparison): string {
  const signed = value < 0 ? [-interval[1], -interval[0]] : interval;
  return signed.map((bound) => formatValue({ value: 100 * (bound as number), digits: 1 })).join(', ');
}

/** A p-value as papers write it. */
export function probability(value: number): string {
  return value < 0.001 ? '< 0.001' : value.toFixed(3);
}
