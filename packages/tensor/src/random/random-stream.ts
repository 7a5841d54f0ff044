import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus, xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';
import { TensorError } from '../errors';

/** A random stream as plain numbers, for a checkpoint. */
export interface RandomState {
  generator: number[];
  /** The normal value already drawn but not yet used, if any. */
  spareNormal: number | null;
}

/** A seeded stream of random numbers (xoroshiro128+) whose state can be saved: same state, same numbers, on any machine. */
export class RandomStream {
  #generator: ReturnType<typeof xoroshiro128plus>;
  #spareNormal: number | null = null;

  constructor({ seed }: { /** any integer; its low 32 bits are used */ seed: number }) {
    if (!Number.isInteger(seed)) {
      throw new TensorError({
        code: 'invalid-option',
        message: `RandomStream: seed must be an integer, got ${seed}.`,
      });
    }
    this.#generator = xoroshiro128plus(seed);
  }

  /** A stream that continues from a saved state. */
  static fromState(state: RandomState): RandomStream {
    const stream = new RandomStream({ seed: 0 });
    stream.#generator = xoroshiro128plusFromState(state.generator);
    stream.#spareNormal = state.spareNormal;
    return stream;
  }

  state(): RandomState {
    return { generator: [...this.#generator.getState()], spareNormal: this.#spareNormal };
  }

  /** A number in [0, 1). */
  uniform(): number {
    return uniformFloat64(this.#generator);
  }

  /** An integer in `minimum … maximum`, both included. */
  integer({ minimum, maximum }: { minimum: number; maximum: number }): number {
    return uniformInt(this.#generator, minimum, maximum);
  }

  /** A normal number, mean 0 and deviation 1, by Marsaglia's polar method. */
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
}
