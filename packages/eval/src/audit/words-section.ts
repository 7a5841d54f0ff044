import { formatValue } from '../report/format-value';
import type { TableCell, TableColumn } from '../report/table-section';
import type { CountedShare, WordsAudit } from './audit-words';
import type { ReturnedThoughts } from './returned-thoughts';

export const wordsColumns: TableColumn[] = [
  { header: 'stage edited in words' },
  { header: 'edit' },
  { header: 'edits', format: 'integer', align: 'right' },
  { header: 'answer follows', format: 'percent', align: 'right' },
  { header: 'irrelevant edits', format: 'integer', align: 'right' },
  { header: 'answer stays', format: 'percent', align: 'right' },
  { header: 'own words: stays', format: 'percent', align: 'right' },
  { header: 'variance explained, read', digits: 3, align: 'right' },
  { header: 'another’s words', digits: 3, align: 'right' },
  { header: 'as seen later', digits: 3, align: 'right' },
  { header: 'another’s words', digits: 3, align: 'right' },
];

export const wordsCaption =
  'One stage’s thoughts are made from words instead of their usual context, and everything after them is recomputed. “Edits” change the expected answer; “irrelevant edits” do not. Variance explained: how much of the model’s own thoughts those from the true words explain (1: identical; 0: no closer than the mean), compared with another example’s words.';

export function wordsRows(audits: readonly WordsAudit[], name?: string): TableCell[][] {
  const share = (one: CountedShare | null): TableCell => (one ? { value: one.value, interval: one.interval } : null);
  const returned = (one: ReturnedThoughts | null): TableCell[] => (one ? [one.own, one.another] : [null, null]);
  return audits.map((audit): TableCell[] => [
    name === undefined ? audit.stage : `${audit.stage} (${name})`,
    audit.edit,
    audit.follows?.count ?? 0,
    share(audit.follows),
    audit.stays?.count ?? 0,
    share(audit.stays),
    share(audit.ownWords),
    ...returned(audit.read),
    ...returned(audit.seen),
  ]);
}

/** What telling each stage in words does, a sentence each. */
export function wordsSentences(audits: readonly WordsAudit[]): string[] {
  const percent = ({ value, count }: CountedShare) => `${formatValue({ value: 100 * value, digits: 1 })} % of ${count}`;
  return audits.map(({ stage, edit, follows, stays, read }) => {
    const told = edit === 'one fact' ? `With one fact of ${stage} edited in words` : `With ${stage} edited to ${edit}`;
    const parts = [
      follows === null ? 'the expected answer is not known' : `the answer follows in ${percent(follows)} cases`,
      ...(stays === null ? [] : [`and stays in ${percent(stays)} that do not depend on it`]),
    ];
    const back =
      read === null
        ? ''
        : ` Its words explain ${formatValue({ value: read.own.value, digits: 2 })} of the thoughts’ variance, another’s ${formatValue({ value: read.another.value, digits: 2 })}.`;
    return `${told}, ${parts.join(' ')}.${back}`;
  });
}
