import type { RandomStream } from '@subtext/data';

/** Draws a label for each type from the distribution of training labels, and assigns it to all states of the type. */
export function controlLabels({
  types,
  ids,
  training,
  random,
}: {
  types: readonly (string | number)[];
  ids: Int32Array;
  training: readonly number[];
  random: RandomStream;
}): Int32Array {
  const labels = new Map<string, number>();
  return Int32Array.from(types, (type) => {
    const known = labels.get(String(type));
    if (known !== undefined) return known;
    const drawn = ids[training[random.integer(training.length)] as number] as number;
    labels.set(String(type), drawn);
    return drawn;
  });
}
