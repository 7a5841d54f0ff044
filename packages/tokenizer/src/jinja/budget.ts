import { TemplateBudgetFault } from './template-error';

/** Limits for rendering a template. A conversation of a million characters stays far below them. */
export interface TemplateLimits {
  /** Evaluation steps. Default 3 million, about a second. */
  steps?: number;
  /** Total characters of all strings created, including the output. Default 100 million. */
  characters?: number;
  /** Milliseconds. Default 10,000. */
  milliseconds?: number;
}

export class Budget {
  #steps: number;
  #characters: number;
  readonly #end: number;
  #untilClock = 1000;

  constructor({ steps = 3_000_000, characters = 100_000_000, milliseconds = 10_000 }: TemplateLimits = {}) {
    this.#steps = steps;
    this.#characters = characters;
    this.#end = performance.now() + milliseconds;
  }

  step(count = 1): void {
    this.#steps -= count;
    if (this.#steps < 0) throw new TemplateBudgetFault('it exceeds the step limit for templates');
    this.#untilClock -= count;
    if (this.#untilClock > 0) return;
    this.#untilClock = 1000;
    if (performance.now() > this.#end) throw new TemplateBudgetFault('it exceeds the time limit for templates');
  }

  /** Call before creating a string of this length. */
  text(length: number): void {
    this.#characters -= length;
    if (this.#characters < 0) throw new TemplateBudgetFault('it exceeds the text limit for templates');
    // Long strings cost time too.
    if (length > 1000) this.step(Math.ceil(length / 1000));
  }
}
