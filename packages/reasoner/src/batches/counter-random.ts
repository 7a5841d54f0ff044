/**
 * Random numbers as a pure function of a seed and a path of counters (seed, phase, epoch, …): a stream that has no
 * state to save, so that a resumed run draws exactly what an undisturbed one would.
 * Mixing: splitmix64's finaliser on 32-bit halves would need BigInt; murmur3's 32-bit finaliser is enough to shuffle.
 */
export function hashCounters(...counters: readonly number[]): number {
  let hash = 0x9e3779b9;
  for (const counter of counters) {
    hash = mix(hash ^ mix(counter >>> 0) ^ mix(Math.floor(counter / 4294967296) + 0x85ebca6b));
  }
  return hash >>> 0;
}

function mix(value: number): number {
  let x = value | 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return (x ^ (x >>> 16)) + 0x6d2b79f5;
}

/** A uniform number in [0, 1) for these counters. */
export function randomAt(...counters: readonly number[]): number {
  return hashCounters(...counters) / 4294967296;
}

/** A permutation of 0 … count − 1 for these counters (Fisher–Yates). */
export function permutationAt({ count, counters }: { count: number; counters: readonly number[] }): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, index) => index);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(randomAt(...counters, i) * (i + 1));
    const kept = order[i]!;
    order[i] = order[j]!;
    order[j] = kept;
  }
  return order;
}
