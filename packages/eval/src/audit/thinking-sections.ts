import { markdownTable } from '../comparison/comparison-tables';
import { proseSection } from '../report/prose-section';
import type { ReportSection } from '../report/report-section';
import { tableSection, type TableCell, type TableColumn } from '../report/table-section';
import { gradientSentences } from './answer-gradients';
import { verdictWords } from './audit-sections';
import type { StageAudit } from './audit-stages';
import type { ThinkingAudit } from './audit-thinking';
import { wordsCaption, wordsColumns, wordsRows, wordsSentences } from './words-section';

const stageColumns: TableColumn[] = [
  { header: 'stage exchanged' },
  { header: 'pairs', format: 'integer', align: 'right' },
  { header: 'follows', format: 'percent', align: 'right' },
  { header: 'stays', format: 'percent', align: 'right' },
  { header: 'something else', format: 'percent', align: 'right' },
  { header: 'changes', format: 'percent', align: 'right' },
  { header: 'verdict' },
];

function stageRows(stages: readonly StageAudit[], name?: string): TableCell[][] {
  return stages.map((stage): TableCell[] => [
    name === undefined ? stage.stage : `${stage.stage} (${name})`,
    stage.pairs,
    stage.swap?.follows ?? null,
    stage.swap?.stays ?? null,
    stage.swap?.somethingElse ?? null,
    stage.swap?.changes ?? null,
    verdictWords(stage),
  ]);
}

/** The stages of a model and of its control, one under the other. */
function rowsBeside(
  audit: Pick<ThinkingAudit, 'stages'>,
  control: Pick<ThinkingAudit, 'stages'> | null,
): TableCell[][] {
  const names = [...new Set([...audit.stages, ...(control?.stages ?? [])].map(({ stage }) => stage))];
  return names.flatMap((name) => {
    const of = ({ stages }: Pick<ThinkingAudit, 'stages'>) => stages.filter(({ stage }) => stage === name);
    return [...stageRows(of(audit)), ...(control ? stageRows(of(control), 'control') : [])];
  });
}

/** What the control does, a sentence each, so that its numbers stand beside. */
function controlSentences({ thoughts, gradients }: ThinkingAudit): string[] {
  return [
    `The control’s thoughts: ${verdictWords(thoughts)}.`,
    ...[...thoughts.evidence, ...gradientSentences(gradients)].map((sentence) => `Control: ${sentence}`),
  ];
}

const stageCaption =
  'One stage’s thoughts are swapped with another example’s, and everything after them is recomputed. Only swaps with a detectable effect count. “Follows”: the answer that the other’s stage implies; empty if the data does not define it.';

/** What a model does with its thoughts, beside its control, as sections of a report. */
export function thinkingSections({
  stages,
  words,
  gradients,
  control = null,
}: Pick<ThinkingAudit, 'stages' | 'words' | 'gradients'> & {
  /** @default none */ control?: ThinkingAudit | null;
}): ReportSection[] {
  const rows = rowsBeside({ stages }, control);
  const told = [...wordsRows(words), ...wordsRows(control?.words ?? [], 'control')];
  return [
    ...(rows.length === 0
      ? []
      : [
          proseSection({ title: 'Is each stage used?', list: stages.flatMap(({ evidence }) => evidence) }),
          tableSection({ title: 'Stages swapped', caption: stageCaption, columns: stageColumns, rows }),
        ]),
    ...(told.length === 0
      ? []
      : [
          proseSection({ title: 'Can thoughts be edited in words?', list: wordsSentences(words) }),
          tableSection({ title: 'Stages edited in words', caption: wordsCaption, columns: wordsColumns, rows: told }),
        ]),
    ...(gradients.length === 0
      ? []
      : [proseSection({ title: 'Leaks around the thoughts', list: gradientSentences(gradients) })]),
    ...(control === null ? [] : [proseSection({ title: 'The matched control', list: controlSentences(control) })]),
  ];
}

/** The same as lines of Markdown. */
export function thinkingMarkdown({
  stages = [],
  words = [],
  gradients = [],
  control = null,
}: Partial<Pick<ThinkingAudit, 'stages' | 'words' | 'gradients'>> & { control?: ThinkingAudit | null }): string[] {
  const rows = rowsBeside({ stages }, control);
  const lines = stages.flatMap((stage) => [
    `- **${stage.stage}: ${verdictWords(stage)}.** ${stage.evidence.join(' ')}`,
  ]);
  lines.push(...wordsSentences(words).map((sentence) => `- ${sentence}`));
  lines.push(...gradientSentences(gradients).map((sentence) => `- ${sentence}`));
  if (control) lines.push(...controlSentences(control).map((sentence) => `- ${sentence}`));
  if (lines.length > 0) lines.push('');
  if (rows.length > 0) lines.push(...markdownTable({ columns: stageColumns, rows }), '');
  const told = [...wordsRows(words), ...wordsRows(control?.words ?? [], 'control')];
  if (told.length > 0) lines.push(...markdownTable({ columns: wordsColumns, rows: told }), '');
  return lines;
}
