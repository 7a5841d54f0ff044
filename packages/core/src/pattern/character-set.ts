/**
 * A set of characters, written as a class in JavaScript's `v` syntax, which supports unions, intersections and Unicode
 * properties. Membership is computed once per character and cached.
 */
export class CharacterSet {
  /** Class source in `v` syntax. */
  readonly source: string;
  #tester: RegExp | undefined;
  /** 0: not computed yet; 1: outside; 2: inside. */
  readonly #known = new Uint8Array(256);
  #others: Map<number, boolean> | undefined;

  constructor(source: string) {
    this.source = source;
  }

  /** Whether the set contains a code point (or lone surrogate). */
  has(code: number): boolean {
    if (code < 256) {
      const known = this.#known[code]!;
      if (known !== 0) return known === 2;
      const inside = this.#ask(code);
      this.#known[code] = inside ? 2 : 1;
      return inside;
    }
    this.#others ??= new Map();
    let inside = this.#others.get(code);
    if (inside === undefined) {
      inside = this.#ask(code);
      if (this.#others.size >= 20_000) this.#others.clear();
      this.#others.set(code, inside);
    }
    return inside;
  }

  #ask(code: number): boolean {
    this.#tester ??= new RegExp(`^${this.source}$`, 'v');
    return this.#tester.test(String.fromCodePoint(code));
  }

  negated(): CharacterSet {
    return new CharacterSet(`[^${this.source}]`);
  }
}

/** A character, escaped for a `v` class. */
export function classCharacter(code: number): string {
  return `\\u{${code.toString(16)}}`;
}

export function union(sources: readonly string[]): CharacterSet {
  return new CharacterSet(sources.length === 0 ? '[]' : `[${sources.join('')}]`);
}

export function intersection(sets: readonly CharacterSet[]): CharacterSet {
  return sets.length === 1 ? sets[0]! : new CharacterSet(`[${sets.map(({ source }) => source).join('&&')}]`);
}

export const anything = new CharacterSet('[\\s\\S]');
export const lineFeed = new CharacterSet('[\\n]');
