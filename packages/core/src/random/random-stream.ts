import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus, xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';

import { SubtextError } from '../subtext-error';
import { sha256 } from './sha-256';

/**
 * A seeded stream of random numbers (xoroshiro128+). The same seed gives the same numbers on every machine and in every
 * version. Streams with the same seed and different names are independent: they are seeded with a hash of both.
 */
export class RandomStream {
  readonly #generator: ReturnType<typeof xoroshiro128plus>;
  #spareNormal: number | null = null;

  /** @throws SubtextError `invalid-option` if the stream has no name and the seed is not an integer */
  constructor({
    seed,
    name,
  }: {
    /** Without a name: an integer, of which the low 32 bits are used. */ seed: number;
    /** @default none: only the seed is used */ name?: string;
  }) {
    if (name !== undefined) {
      this.#generator = xoroshiro128plusFromState([...sha256(`${seed}\n${name}`).subarray(0, 4)]);
      return;
    }
    if (!Number.isInteger(seed))
      throw new SubtextError({
        code: 'invalid-option',
        message: `RandomStream: seed must be an integer, got ${seed}.`,
      });
    this.#generator = xoroshiro128plus(seed);
  }

  /** A uniform integer in [0, limit). */
  integer(limit: number): number {
    return uniformInt(this.#generator, 0, limit - 1);
  }

  /** A uniform number in [low, high). */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * uniformFloat64(this.#generator);
  }

  /** A standard normal number (mean 0, standard deviation 1), by Marsaglia's polar method. */
  normal(): number {
    if (this.#spareNormal !== null) {
      const spare = this.#spareNormal;
      this.#spareNormal = null;
      return spare;
    }
    for (;;) {
      const x = 2 * this.uniform() - 1;
      const y = 2 * this.uniform() - 1;
      const squared = x * x + y * y;
      if (squared > 0 && squared < 1) {
        const factor = Math.sqrt((-2 * Math.log(squared)) / squared);
        this.#spareNormal = y * factor;
        return x * factor;
      }
    }
  }

  /** A uniformly chosen value. */
  pick<T>(values: readonly T[]): T {
    return values[this.integer(values.length)]!;
  }

  /** A value chosen with probability proportional to `weights`. */
  pickWeighted<T>(values: readonly T[], weights: readonly number[]): T {
    let rest = this.uniform(
      0,
      weights.reduce((sum, weight) => sum + weight, 0),
    );
    for (let index = 0; index < values.length - 1; index += 1) {
      rest -= weights[index]!;
      if (rest < 0) return values[index]!;
    }
    return values[values.length - 1]!;
  }

  /** A shuffled copy (Fisher–Yates). */
  shuffle<T>(values: readonly T[]): T[] {
    const shuffled = [...values];
    for (let index = shuffled.length - 1; index > 0; index -= 1) {
      const other = this.integer(index + 1);
      [shuffled[index], shuffled[other]] = [shuffled[other]!, shuffled[index]!];
    }
    return shuffled;
  }

  /** A sample from the Poisson distribution, by Knuth's algorithm: for small means. */
  poisson(mean: number): number {
    const limit = Math.exp(-mean);
    let count = 0;
    for (let product = this.uniform(); product > limit; product *= this.uniform()) count += 1;
    return count;
  }
}
