import { normalizeAnswer, type ReasoningExample } from '@subtext/data';

/** A property of the examples, known from the data, to probe for in thoughts. */
export interface ProbeLabels {
  /** Such as `answer` or `colour in the top-left`. */
  name: string;
  /** By example; null if it has none. */
  labels: (string | null)[];
}

/** Labels with more distinct values than this fraction of the examples are skipped: too few examples per value. */
const MOST_KINDS = 1 / 8;

/**
 * Properties known from the data: the answer and, for scenes, the colour and shape at every place. Labels that are
 * constant, or different nearly everywhere, are omitted: a probe cannot learn from them.
 */
export function probeLabels({ examples }: { examples: readonly ReasoningExample[] }): ProbeLabels[] {
  const all: ProbeLabels[] = [{ name: 'answer', labels: examples.map(({ answer }) => normalizeAnswer(answer)) }];
  const places = new Set(
    examples.flatMap(({ facts }) => (facts?.kind === 'scene' ? facts.objects.map(({ place }) => place) : [])),
  );
  for (const place of [...places].sort()) {
    for (const key of ['colour', 'shape'] as const) {
      const labels = examples.map(({ facts }) =>
        facts?.kind === 'scene' ? (facts.objects.find((object) => object.place === place)?.[key] ?? null) : null,
      );
      all.push({ name: `${key} in the ${place}`, labels });
    }
  }
  return all.filter(({ labels }) => {
    const present = labels.filter((label) => label !== null);
    const kinds = new Set(present).size;
    return kinds >= 2 && kinds <= present.length * MOST_KINDS;
  });
}
