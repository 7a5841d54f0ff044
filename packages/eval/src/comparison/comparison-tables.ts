import { printable } from '@subtext/core';
import { formatInterval, formatValue } from '../report/format-value';
import { proseSection } from '../report/prose-section';
import type { ReportSection } from '../report/report-section';
import { tableSection, type TableCell, type TableColumn } from '../report/table-section';
import type { ComparisonResult } from './compare-runs';

/** What the comparisons say, a sentence each, in the tables' sign: the left run's score less the right one's. */
export function comparisonSentences({ comparisons }: ComparisonResult): string[] {
  return comparisons.map(({ left, right, difference: { value, interval }, adjustedPValue, significant, count }) => {
    const number = (points: number) => formatValue({ value: 100 * points, digits: 1 });
    const test = `p ${probability(adjustedPValue).replace(/^(?!<)/, '= ')}${comparisons.length > 1 ? ' after Holm' : ''}, ${count} samples`;
    const measured = `${left} − ${right} is ${number(value)} points [${number(interval[0])}, ${number(interval[1])}] (${test})`;
    if (!significant) return `${left} and ${right} do not differ significantly; either may be better: ${measured}.`;
    return `${value > 0 ? left : right} is better than ${value > 0 ? right : left}: ${measured}.`;
  });
}

const scoreColumns: TableColumn[] = [
  { header: 'run' },
  { header: 'score', format: 'percent', align: 'right' },
  { header: 'samples', format: 'integer' },
  { header: 'tokens', digits: 1 },
  { header: 'tokens without tags', digits: 1 },
  { header: 'thoughts', digits: 1 },
  { header: 'seconds', format: 'seconds' },
  { header: 'unparseable', format: 'integer' },
  { header: 'failed', format: 'integer' },
];

const pairColumns: TableColumn[] = [
  { header: 'left' },
  { header: 'right' },
  { header: 'left − right', format: 'percent', align: 'right' },
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
      caption:
        'Differences over the same samples; p and interval by McNemar’s test where scores are right or wrong, else by the paired bootstrap, the interval at the level that Holm’s correction leaves: it leaves out 0 where the difference is significant. They test these models; whether the methods differ takes several seeds of each.',
      columns: pairColumns,
      rows: pairRows(result),
    }),
  ];
}

/** The comparison as Markdown. */
export function comparisonMarkdown(result: ComparisonResult): string {
  const list = comparisonSentences(result).map((sentence) => `- ${sentence}`);
  return [
    ...list,
    '',
    ...markdownTable({ columns: scoreColumns, rows: scoreRows(result) }),
    '',
    ...markdownTable({ columns: pairColumns, rows: pairRows(result) }),
    '',
  ].join('\n');
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
export function markdownTable({
  columns,
  rows,
}: {
  columns: readonly TableColumn[];
  rows: readonly TableCell[][];
}): string[] {
  const line = (cells: string[]) => `| ${cells.map(markdownText).join(' | ')} |`;
  const text = (cell: TableCell, column: TableColumn): string => {
    const rich = typeof cell === 'object' && cell !== null ? cell : { value: cell };
    const { format = column.format, digits = column.digits } = rich;
    if (rich.value === null) return '–';
    const value = typeof rich.value === 'number' ? formatValue({ value: rich.value, format, digits }) : rich.value;
    return rich.interval === undefined
      ? value
      : `${value} ${formatInterval({ interval: rich.interval, format, digits })}`;
  };
  return [
    line(columns.map((column) => column.header)),
    line(columns.map((column, index) => (index === 0 || column.align === 'left' ? '---' : '---:'))),
    ...rows.map((row) => line(row.map((cell, index) => text(cell, columns[index] as TableColumn)))),
  ];
}

/** A p-value as papers write it. */
export function probability(value: number): string {
  return value < 0.001 ? '< 0.001' : value.toFixed(3);
}

/** A text of a model or of data in a Markdown table: no markup, no control characters, one line. */
function markdownText(text: string): string {
  return printable(text)
    .replace(/\s*\n\s*/g, ' ')
    .replaceAll('|', '\\|')
    .replace(/<(?=[a-z/!?])/gi, '&lt;');
}
