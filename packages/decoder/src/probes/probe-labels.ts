import { normalizeAnswer, type ReasoningExample } from '@subtext/data';

/** Something that the data knows of its examples, to be looked for in thoughts. */
export interface ProbeLabels {
  /** Such as `answer` or `colour in the top-left`. */
  name: string;
  /** By example; null where it has none. */
  labels: (string | null)[];
}

/** A label with more kinds than this share of the examples has too few of each to be learned. */
const MOST_KINDS = 1 / 8;

/**
 * What the data knows of its examples: the answer, and of scenes the colour and the shape at every place. Labels that
 * are the same everywhere, or different nearly everywhere, are left out: a probe learns nothing from them.
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
