import { permutationAt } from '@subtext/reasoner';

/**
 * Which examples make up the batch of a step: epoch after epoch, each in an order of its own, as a pure function of
 * seed, phase and step. A batch may reach over the end of an epoch.
 */
export class DataOrder {
  readonly #count: number;
  readonly #seed: number;
  readonly #phase: number;
  #epoch = -1;
  #order: Uint32Array = new Uint32Array(0);

  constructor({ count, seed, phase }: { count: number; seed: number; phase: number }) {
    this.#count = count;
    this.#seed = seed;
    this.#phase = phase;
  }

  /** Indices of the examples of one step. */
  batch({ step, size }: { /** From 0. */ step: number; size: number }): number[] {
    return Array.from({ length: size }, (_, index) => this.#at(step * size + index));
  }

  #at(position: number): number {
    const epoch = Math.floor(position / this.#count);
    if (epoch !== this.#epoch) {
      this.#order = permutationAt({ count: this.#count, counters: [this.#seed, this.#phase, epoch] });
      this.#epoch = epoch;
    }
    return this.#order[position % this.#count]!;
  }
}
