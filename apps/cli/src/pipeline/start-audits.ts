import { type ReportSection, tableSection, type UseAudit } from '@subtext/eval';

/** What became of a model's answers as its thoughts were exchanged and told. */
export interface StartAudit extends UseAudit {
  /** The name that tables give it. */
  method: string;
  /** Questions that were asked. */
  count: number;
}

const percent = (share: { value: number } | null | undefined) =>
  share === null || share === undefined ? '–' : `${(share.value * 100).toFixed(1)} %`;

/** A row for each stage of each model: exchanged, then, where it can be told in words, told. */
export function auditRows(audits: readonly StartAudit[]): string[][] {
  return audits.flatMap(({ method, stages, words }) => [
    ...stages.map(({ stage, pairs, swap, verdict }) => [
      `${method}: ${stage} swapped`,
      String(pairs),
      percent(swap?.follows),
      percent(swap?.stays),
      verdict,
    ]),
    ...words
      .filter(({ follows }) => follows !== null)
      .map(({ stage, edit, follows, stays }) => [
        `${method}: ${stage} edited in words (${edit})`,
        String(follows!.count),
        percent(follows),
        // Of edits beside what is asked.
        percent(stays),
        '',
      ]),
  ]);
}

/** The numbers that stand out: of the last model that has captions, beside the first. */
export function auditHighlights(audits: readonly StartAudit[]): { label: string; value: string; note: string }[] {
  const [first] = audits;
  const swapOf = (audit: StartAudit | undefined, stage: string) =>
    audit?.stages.find((one) => one.stage === stage)?.swap ?? undefined;
  const last = audits.findLast((audit) => swapOf(audit, 'caption') !== undefined);
  const own = swapOf(last, 'caption');
  if (last === undefined || own === undefined) return [];
  const beside = first === last ? undefined : swapOf(first, 'caption');
  const told = last.words.find(({ stage }) => stage === 'caption');
  return [
    {
      label: 'answers follow swapped thoughts',
      value: percent(own.follows),
      note: beside === undefined ? 'caption swapped' : `caption swapped; ${first!.method}: ${percent(beside.follows)}`,
    },
    ...(told?.follows
      ? [{ label: 'answers follow an edit in words', value: percent(told.follows), note: 'one fact of the caption' }]
      : []),
  ];
}

/** The table of all exchanges; none where nothing was audited. */
export function auditSections(audits: readonly StartAudit[]): ReportSection[] {
  if (audits.length === 0) return [];
  return [
    tableSection({
      title: 'Are the thoughts used?',
      caption:
        'One stage’s thoughts are swapped with another image’s, or edited in words, and everything after them is recomputed. The data generator defines the expected answer.',
      columns: [
        'Intervention',
        { header: 'Questions', align: 'right' },
        { header: 'Answer follows', align: 'right' },
        { header: 'Answer stays', align: 'right' },
        'Verdict',
      ],
      rows: auditRows(audits),
      notes: [
        'Swaps: for questions whose expected answer changes. Edits in words: “follows” is for facts that decide the answer, “stays” for irrelevant ones.',
      ],
    }),
  ];
}
