import { markdownTable } from '../comparison/comparison-tables';
import { type ExperimentFindings, experimentTables } from './experiment-tables';

/** An experiment's tables as Markdown, each under a heading with what it says; then what the audits found, run by run. */
export function experimentMarkdown(findings: ExperimentFindings): string {
  const blocks = experimentTables(findings).map(({ title, caption, columns, rows }) =>
    [`## ${title}`, '', ...markdownTable({ columns, rows }), '', caption].join('\n'),
  );
  const audits = (findings.runs ?? []).flatMap(({ name, audit }) =>
    audit === undefined ? [] : [`- ${name}: ${[audit, ...audit.stages].flatMap(({ evidence }) => evidence).join(' ')}`],
  );
  return `${[...blocks, ...(audits.length > 0 ? [['## What the audits say', '', ...audits].join('\n')] : [])].join('\n\n')}\n`;
}
