import { scoreOf, type SampleRecord } from '../results/sample-record';

/** A sample's kind of question: its category, else the number of steps of its chain; undefined for neither. */
function kindOf({ doc: { category, steps } }: SampleRecord): string | undefined {
  if (typeof category === 'string') return category;
  return Array.isArray(steps) && steps.length > 0
    ? `${steps.length} ${steps.length === 1 ? 'step' : 'steps'}`
    : undefined;
}

/** Mean score by kind of question, in the order of their names; empty where all questions are of one kind. */
export function scoresByKind({
  samples,
  metric,
}: {
  samples: readonly SampleRecord[];
  metric: string;
}): Record<string, number> {
  const kinds = new Map<string, number[]>();
  for (const sample of samples) {
    const kind = kindOf(sample);
    if (kind !== undefined) kinds.set(kind, [...(kinds.get(kind) ?? []), scoreOf(sample, metric)]);
  }
  if (kinds.size < 2) return {};
  const order = new Intl.Collator('en', { numeric: true }).compare;
  return Object.fromEntries(
    [...kinds]
      .sort(([one], [other]) => order(one, other))
      .map(([kind, scores]) => [kind, scores.reduce((sum, score) => sum + score, 0) / scores.length]),
  );
}
