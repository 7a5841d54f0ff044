import { writeFileAtomically } from '@subtext/core/node';
import { join } from 'node:path';

import { probeSections } from '../probes/probe-sections';
import { proseSection } from '../report/prose-section';
import { renderReport } from '../report/render-report';
import type { ReportSection } from '../report/report-section';
import type { AuditModelOptions, ModelAudit } from './audit-model';
import { auditMarkdown } from './audit-markdown';
import { interpreterAuditSections, thoughtAuditSections, verdictWords } from './audit-sections';
import { thinkingSections } from './thinking-sections';

/** Writes `audit.json`, `audit.md` and `report.html` into the audit's folder. */
export async function writeAudit({
  audit,
  name,
  options,
}: {
  audit: ModelAudit;
  /** The model's, in the title. */
  name: string;
  /** What was asked for. */
  options: Pick<AuditModelOptions, 'folder' | 'model' | 'floor' | 'retained' | 'control'>;
}): Promise<{ markdown: string; report: string }> {
  const markdown = auditMarkdown(audit.result);
  const report = join(options.folder, 'report.html');
  for (const [path, data] of [
    [join(options.folder, 'audit.json'), `${JSON.stringify(audit.result, null, 2)}\n`],
    [join(options.folder, 'audit.md'), markdown],
    [report, auditReport({ audit, name, options })],
  ] as const)
    await writeFileAtomically({ path, data });
  return { markdown, report };
}

/** A finished audit as a page. */
export function auditReport({
  audit,
  name,
  options,
}: {
  audit: ModelAudit;
  /** The model's, in the title. */
  name: string;
  /** What was asked for. */
  options: Pick<AuditModelOptions, 'model' | 'floor' | 'retained' | 'control'>;
}): string {
  const { result, probes, task, tokenText } = audit;
  const { thoughts, interpreters, retained } = result;
  const sections = [
    ...thoughtAuditSections({ audit: thoughts, ...(retained ? { retained } : {}) }),
    ...thinkingSections(result),
    ...interpreters.flatMap((one) => interpreterAuditSections(one)),
  ];
  if (probes !== null) {
    const { lens, geometry, autoencoder, left } = probes;
    sections.push(
      ...probeSections({
        probes: probes.probes,
        ...(lens ? { lens: { ...lens, tokenText } } : {}),
        ...(geometry ? { geometry } : {}),
        ...(autoencoder ? { autoencoder } : {}),
      }),
      ...(left.length === 0 ? [] : [proseSection({ title: 'Probes left out', list: left })]),
    );
  }
  sections.push(howSection({ audit, options }));
  const verdicts = [
    ...result.stages.map((one) => ` Exchanged ${one.stage}: ${verdictWords(one)}.`),
    ...interpreters.map((one) => ` Interpreter of ${one.name}: ${verdictWords(one.audit)}.`),
  ].join('');
  return renderReport({
    title: `Audit of ${name}`,
    summary: `${result.count} questions of ${task.name}. The thoughts: ${verdictWords(thoughts)}.${verdicts}`,
    sections,
  });
}

function howSection({
  audit: { result, task },
  options: { model, floor, retained, control },
}: Pick<Parameters<typeof auditReport>[0], 'audit' | 'options'>): ReportSection {
  const { left, count, thoughts, seed, machine, versions } = result;
  return proseSection({
    title: 'How it was made',
    text: 'A thought is the keys and values of every layer at its position, and for thinking tokens also at the opening tag before it. The model’s own response is replayed with these replaced, up to the answer marker, and the answer is generated from there. An answer that stays correct without its own thoughts was taken from the prompt. When one stage is swapped, everything after it is recomputed.',
    facts: [
      { name: 'model', value: model },
      { name: 'task', value: `${task.name}, version ${task.version}` },
      { name: 'examples', value: `${count}${left.length > 0 ? `, excluding ${left.length} unreadable ones` : ''}` },
      {
        name: 'floor',
        value: `${(100 * thoughts.floor).toFixed(1)} %${floor === undefined ? ' (the most common answer for each kind of question)' : ' (given)'}`,
      },
      { name: 'seed', value: String(seed) },
      ...Object.entries(machine).map(([name, value]) => ({ name: name.replaceAll('_', ' '), value: String(value) })),
      ...(retained === undefined
        ? []
        : [
            { name: 'without a chain', value: retained.withoutChain },
            { name: 'with a written chain', value: retained.written },
          ]),
      ...(control === undefined ? [] : [{ name: 'control', value: control }]),
      ...Object.entries(versions).map(([name, value]) => ({ name, value })),
    ],
  });
}
