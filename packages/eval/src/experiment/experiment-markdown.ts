import { markdownTable } from '../comparison/comparison-tables';
import { type ExperimentFindings, experimentTables } from './experiment-tables';

/** So many audits are told in sentences. */
const MOST_AUDITS = 3;

/** An experiment's tables as Markdown, each under a heading with what it says; then what the audits found, run by run, where they are few. */
export function experimentMarkdown(findings: ExperimentFindings): string {
  const blocks = experimentTables(findings).map(({ title, caption, columns, rows }) =>
    [`## ${title}`, '', ...markdownTable({ columns, rows }), '', caption].join('\n'),
  );
  const audits = (findings.runs ?? []).flatMap(({ name, audit }) =>
    audit === undefined ? [] : [`- ${name}: ${[audit, ...audit.stages].flatMap(({ evidence }) => evidence).join(' ')}`],
  );
  const told =
    audits.length <= MOST_AUDITS
      ? audits
      : [`Their sentences, of ${audits.length} models, stand in the JSON file beside this page, at \`runs\`.`];
  return `${[...blocks, ...(audits.length > 0 ? [['## What the audits say', '', ...told].join('\n')] : [])].join('\n\n')}\n`;
}
