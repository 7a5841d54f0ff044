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
      `${method}: another's ${stage}`,
      String(pairs),
      percent(swap?.follows),
      percent(swap?.stays),
      verdict,
    ]),
    ...words
      .filter(({ follows }) => follows !== null)
      .map(({ stage, edit, follows, stays }) => [
        `${method}: ${edit} of ${stage} told in words`,
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
      label: 'answers follow another picture’s thoughts',
      value: percent(own.follows),
      note:
        beside === undefined ? 'caption exchanged' : `caption exchanged; ${first!.method}: ${percent(beside.follows)}`,
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
        'One stage’s thoughts are exchanged for those of another picture, or told in words, and all that comes after is thought anew. The generator of the pictures knows which answer follows.',
      columns: [
        'In place of its own',
        { header: 'Questions', align: 'right' },
        { header: 'Answer follows', align: 'right' },
        { header: 'Answer stays', align: 'right' },
        'Verdict',
      ],
      rows: auditRows(audits),
      notes: [
        'Exchanges: of questions whose answer would be another. Told in words: “follows” is of facts that decide the answer, “stays” of facts beside it.',
      ],
    }),
  ];
}
