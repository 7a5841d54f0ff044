import { markdownTable } from '../comparison/comparison-tables';
import type { InterpreterAudit } from './audit-interpreter';
import {
  interpreterColumns,
  interpreterRows,
  retainedSentence,
  thoughtColumns,
  thoughtRows,
  verdictSentence,
} from './audit-sections';
import type { ThinkingAudit } from './audit-thinking';
import type { ThoughtAudit } from './audit-thoughts';
import type { RetainedInformation } from './retained-information';
import { thinkingMarkdown } from './thinking-sections';

/** Audits as Markdown. */
export function auditMarkdown({
  thoughts,
  retained,
  stages,
  words,
  gradients,
  control,
  interpreters = [],
}: {
  thoughts?: ThoughtAudit;
  retained?: RetainedInformation | null;
  /** @default left out */ stages?: ThinkingAudit['stages'];
  /** @default left out */ words?: ThinkingAudit['words'];
  /** @default left out */ gradients?: ThinkingAudit['gradients'];
  /** Of the matched reasoner. @default left out */ control?: ThinkingAudit | null;
  interpreters?: { name: string; audit: InterpreterAudit }[];
}): string {
  const lines: string[] = [];
  if (thoughts !== undefined) {
    lines.push(
      `**${verdictSentence({ verdict: thoughts.verdict, certain: thoughts.certain, subject: 'The thoughts' })}**`,
      '',
    );
    lines.push(
      ...[...thoughts.evidence, ...retainedSentence(retained)].map((sentence) => `- ${sentence}`),
      '',
      ...markdownTable({ columns: thoughtColumns, rows: thoughtRows(thoughts) }),
      '',
    );
  }
  lines.push(...thinkingMarkdown({ stages, words, gradients, control }));
  for (const { name, audit } of interpreters) {
    lines.push(`**${verdictSentence({ verdict: audit.verdict, certain: audit.certain, subject: name })}**`, '');
    lines.push(
      ...audit.evidence.map((sentence) => `- ${sentence}`),
      '',
      ...markdownTable({ columns: interpreterColumns, rows: interpreterRows(audit) }),
      '',
    );
  }
  return lines.join('\n');
}
