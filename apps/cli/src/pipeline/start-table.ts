import { conditionName } from './condition-name';
import { auditRows } from './start-audits';
import { shareOf } from './start-drawings';
import type { StartResults } from './start-report';

/** Columns lined up: the first to the left, the others to the right. */
function alignColumns(rows: readonly string[][]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map(
      (row) =>
        `  ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join('  ')}`,
    )
    .join('\n');
}

const percent = (value: number) => (value * 100).toFixed(1);

/** The table that a start run ends with, as plain text. */
export function startTable(results: StartResults): string {
  const answers = alignColumns([
    ['method', 'steps', 'accuracy %', '± s.e.', 'tokens', 'no tags', 'thinking', 'ms/answer', 'alone', 'unparseable'],
    ...results.methods.map(
      ({ method, steps, accuracy, standardError, tokens, secondsPerAnswer, singleMilliseconds, unparseable }) => [
        method,
        String(steps),
        percent(accuracy),
        percent(standardError),
        tokens.generated.toFixed(1),
        tokens.withoutTags.toFixed(1),
        tokens.thinking.toFixed(1),
        (secondsPerAnswer * 1000).toFixed(1),
        singleMilliseconds.toFixed(0),
        String(unparseable),
      ],
    ),
  ]);
  const rows = Object.entries(results.explanations).flatMap(([stage, conditions]) =>
    Object.entries(conditions).map(([condition, score]) => [
      `${stage}: ${conditionName(condition)}`,
      score.bleu.toFixed(1),
      score.rougeL.toFixed(1),
      score.factsRight === undefined ? '–' : percent(score.factsRight),
    ]),
  );
  const explanations =
    rows.length === 0
      ? ''
      : `\n\n${alignColumns([['thought decoded to words', 'BLEU', 'ROUGE-L', 'facts correct %'], ...rows])}`;
  const drawn = Object.entries(results.drawings?.scores ?? {}).map(([condition, { objects, colours, shapes }]) => [
    `${results.drawings!.stage}: ${conditionName(condition)}`,
    ...[objects, colours, shapes].map((count) => percent(shareOf(count))),
  ]);
  const drawings =
    drawn.length === 0
      ? ''
      : `\n\n${alignColumns([['thought decoded to image', 'objects correct %', 'colours %', 'shapes %'], ...drawn])}`;
  const used = auditRows(results.audits);
  const audits =
    used.length === 0
      ? ''
      : `\n\n${alignColumns([['intervention', 'questions', 'answer follows', 'stays', 'verdict'], ...used])}`;
  return `${answers}${audits}${explanations}${drawings}`;
}
