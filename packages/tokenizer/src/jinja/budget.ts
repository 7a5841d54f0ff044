import { TemplateBudgetFault } from './template-error';

/** What rendering a template may cost. A conversation of a million characters stays far below. */
export interface TemplateLimits {
  /** Steps of evaluation. Default 3 million, about a second. */
  steps?: number;
  /** Characters of all texts that it makes on the way, its output included. Default 100 million. */
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
    if (this.#steps < 0) throw new TemplateBudgetFault('it takes more steps than a template may');
    this.#untilClock -= count;
    if (this.#untilClock > 0) return;
    this.#untilClock = 1000;
    if (performance.now() > this.#end) throw new TemplateBudgetFault('it takes longer than a template may');
  }

  /** To be asked before a text of this length is made. */
  text(length: number): void {
    this.#characters -= length;
    if (this.#characters < 0) throw new TemplateBudgetFault('it makes more text than a template may');
    // Long texts cost time too.
    if (length > 1000) this.step(Math.ceil(length / 1000));
  }
}
