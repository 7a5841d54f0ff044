import type { RandomStream } from '@subtext/data';

/** A label for each type, drawn from the training labels as often as they stand there, and given to all states of the type. */
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
