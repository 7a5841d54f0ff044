import { createHash } from 'node:crypto';
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';

/**
 * A seeded stream of random numbers (xoroshiro128+): the same seed gives the same numbers on every machine, and
 * streams of the same seed but another name are independent.
 */
export class RandomStream {
  readonly #generator;

  constructor({ seed, name = '' }: { seed: number; /** @default '' */ name?: string }) {
    const digest = createHash('sha256').update(`${seed}\n${name}`).digest();
    this.#generator = xoroshiro128plusFromState([0, 4, 8, 12].map((at) => digest.readInt32BE(at)));
  }

  /** A whole number in [0, limit). */
  integer(limit: number): number {
    return uniformInt(this.#generator, 0, limit - 1);
  }

  /** A number in [low, high). */
  uniform(low = 0, high = 1): number {
    return low + (high - low) * uniformFloat64(this.#generator);
  }

  /** One of the values, each equally likely. */
  pick<T>(values: readonly T[]): T {
    return values[this.integer(values.length)]!;
  }

  /** One of the values, with chances proportional to `weights`. */
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

  /** A copy in random order (Fisher and Yates). */
  shuffle<T>(values: readonly T[]): T[] {
    const shuffled = [...values];
    for (let index = shuffled.length - 1; index > 0; index -= 1) {
      const other = this.integer(index + 1);
      [shuffled[index], shuffled[other]] = [shuffled[other]!, shuffled[index]!];
    }
    return shuffled;
  }

  /** A draw from the Poisson distribution, by Knuth's product of uniforms: for small means. */
  poisson(mean: number): number {
    const limit = Math.exp(-mean);
    let count = 0;
    for (let product = this.uniform(); product > limit; product *= this.uniform()) count += 1;
    return count;
  }
}
