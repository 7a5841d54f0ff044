import { PatternError } from './pattern-error';

/** Maximum steps per text; 30 to 100 million steps take about a second. */
const mostSteps = 100_000_000;
/** Maximum size of the memo of failed states, in 32-bit words. */
const mostWords = 64 * 2 ** 20;

/** Time and memory budget for matching one text, shared by all parts of an expression. */
export class Budget {
  #steps = 0;
  #words = 0;
  readonly #source: string;

  constructor(source: string) {
    this.#source = source;
  }

  spend(steps: number): void {
    this.#steps += steps;
    if (this.#steps > mostSteps) this.#fail();
  }

  take(words: number): void {
    this.#words += words;
    if (this.#words > mostWords) this.#fail();
  }

  give(words: number): void {
    this.#words -= words;
  }

  #fail(): never {
    const source = this.#source.length > 200 ? `${this.#source.slice(0, 200)}…` : this.#source;
    throw new PatternError({
      code: 'pattern-too-slow',
      message: `the regular expression ${JSON.stringify(source)} takes too long on this text; simplify it, or shorten the text`,
    });
  }
}
