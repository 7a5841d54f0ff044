/** The values that each factor can take. */
export type Factors = Readonly<Record<string, readonly unknown[]>>;

/** A random stream for the order of tries (mulberry32). */
function stream(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Rows such that any two values of two factors stand together in one of them, as far as `allowed` lets them: most crashes of
 * a configuration need two keys, hardly any three. Greedy: of some random rows around a pair that is missing, the one that
 * covers the most.
 */
export function pairwise({
  factors,
  seed = 1,
  tries = 40,
  allowed = () => true,
}: {
  factors: Factors;
  seed?: number;
  tries?: number;
  allowed?: (row: Record<string, unknown>) => boolean;
}): Record<string, unknown>[] {
  const random = stream(seed);
  const names = Object.keys(factors);
  const key = (a: number, i: number, b: number, j: number) => `${a}:${i}|${b}:${j}`;
  const missing = new Set<string>();
  for (let a = 0; a < names.length; a++)
    for (let b = a + 1; b < names.length; b++)
      for (let i = 0; i < factors[names[a]!]!.length; i++)
        for (let j = 0; j < factors[names[b]!]!.length; j++) missing.add(key(a, i, b, j));
  const covered = (row: readonly number[]) =>
    names
      .flatMap((_, a) => names.slice(a + 1).map((_, offset) => key(a, row[a]!, a + 1 + offset, row[a + 1 + offset]!)))
      .filter((pair) => missing.has(pair));
  const valuesOf = (row: readonly number[]) =>
    Object.fromEntries(names.map((name, index) => [name, factors[name]![row[index]!]]));
  const rows: Record<string, unknown>[] = [];
  while (missing.size > 0) {
    const [first] = missing;
    const [[a, i], [b, j]] = first!.split('|').map((part) => part.split(':').map(Number)) as [
      [number, number],
      [number, number],
    ];
    let best: { row: number[]; pairs: string[] } | undefined;
    for (let attempt = 0; attempt < tries; attempt++) {
      const row = names.map((name, index) =>
        index === a ? i : index === b ? j : Math.floor(random() * factors[name]!.length),
      );
      if (!allowed(valuesOf(row))) continue;
      const pairs = covered(row);
      if (best === undefined || pairs.length > best.pairs.length) best = { row, pairs };
    }
    // No row may hold this pair.
    if (best === undefined) missing.delete(first!);
    else {
      for (const pair of best.pairs) missing.delete(pair);
      rows.push(valuesOf(best.row));
    }
  }
  return rows;
}
