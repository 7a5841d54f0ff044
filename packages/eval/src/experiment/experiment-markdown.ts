import { markdownTable, probability } from '../comparison/comparison-tables';
import { formatInterval, formatValue } from '../report/format-value';
import type { ExperimentSummary } from './summarize-experiment';

const percent = (value: number) => formatValue({ value, format: 'percent', digits: 1 });

/** An experiment's tables as Markdown: a row for each cell, then for each pair that was compared. */
export function experimentMarkdown({ metric, confidence, cells, comparisons }: ExperimentSummary): string {
  const lines = markdownTable({
    columns: [
      { header: 'what' },
      { header: `${metric}, mean ± deviation`, align: 'right' },
      { header: 'seeds' },
      { header: 'by seed', align: 'right' },
      { header: 'tokens', digits: 1 },
      { header: 'thoughts', digits: 1 },
      { header: 'unparseable', format: 'integer' },
      { header: 'failed', format: 'integer' },
    ],
    rows: cells.map((cell) => [
      cell.cell,
      `${percent(cell.mean)}${cell.deviation === null ? '' : ` ± ${percent(cell.deviation)}`}`,
      cell.seeds.join(', '),
      cell.scores.map(percent).join(', '),
      cell.generatedTokens,
      cell.thoughts,
      cell.unparseable,
      cell.failed,
    ]),
  });
  if (comparisons.length === 0) return `${lines.join('\n')}\n`;
  const pairs = markdownTable({
    columns: [
      { header: 'left − right' },
      { header: 'difference', align: 'right' },
      { header: 'models: p by seed, after Holm', align: 'right' },
      { header: `methods: interval over seeds`, align: 'right' },
      { header: 'p', align: 'right' },
      { header: 'p after Holm', align: 'right' },
      { header: 'methods differ' },
    ],
    rows: comparisons.map(({ left, right, difference, models, method }) => [
      `${left} − ${right}`,
      percent(difference),
      models.map(({ adjustedPValue }) => probability(adjustedPValue)).join(', '),
      method && formatInterval({ interval: method.interval, format: 'percent', digits: 1 }),
      method && probability(method.pValue),
      method && probability(method.adjustedPValue),
      method === null ? 'cannot tell: one seed' : method.adjustedPValue < 1 - confidence ? 'yes' : 'not significant',
    ]),
  });
  return [
    ...lines,
    '',
    ...pairs,
    '',
    `Models: two of one seed on the same questions (McNemar's test where scores are right or wrong, else the paired bootstrap). Methods: Student's paired t-test over seeds, its interval at ${formatValue({ value: confidence, format: 'percent', digits: 0 })} before correction. Holm's correction over each of the two families.`,
    '',
  ].join('\n');
}
