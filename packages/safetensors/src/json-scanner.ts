import { quoted, SafetensorsError } from './safetensors-error';

/** Maximum nesting depth; real headers nest two levels. */
const maximumDepth = 64;

const quote = 0x22;
const backslash = 0x5c;
const surrogate = /\p{Surrogate}/u;

function isWhitespace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

/**
 * Reads JSON front to back, guided by the structure that its caller expects. Unlike `JSON.parse` it detects duplicate
 * keys, and it builds nothing for skipped values, so that malicious text can't make it allocate more than its own size.
 */
export class JsonScanner {
  #position = 0;

  readonly #text: string;
  constructor(text: string) {
    this.#text = text;
  }

  /** Reads an object and calls `field` for each key in order; the callback must consume the value. */
  object(what: string, field: (key: string) => void): void {
    this.#expect('{', what);
    const seen = new Set<string>();
    if (this.#skipTo() === '}') {
      this.#position += 1;
      return;
    }
    for (;;) {
      const key = this.string(`a key of ${what}`);
      if (seen.has(key)) {
        throw new SafetensorsError({ code: 'duplicate-name', message: `${quoted(key)} occurs twice in ${what}` });
      }
      seen.add(key);
      this.#expect(':', what);
      field(key);
      const next = this.#skipTo();
      if (next !== ',' && next !== '}') this.#fail(`expected "," or "}" in ${what}`);
      this.#position += 1;
      if (next === '}') return;
    }
  }

  /** Reads a list of non-negative integers of at most `maximumLength`, each up to 2⁵³ − 1. */
  integers(what: string, maximumLength: number): number[] {
    this.#expect('[', what);
    const values: number[] = [];
    if (this.#skipTo() === ']') {
      this.#position += 1;
      return values;
    }
    for (;;) {
      if (values.length === maximumLength) this.#fail(`${what} has more than ${maximumLength} numbers`);
      values.push(this.#integer(what));
      const next = this.#skipTo();
      if (next !== ',' && next !== ']') this.#fail(`expected "," or "]" in ${what}`);
      this.#position += 1;
      if (next === ']') return values;
    }
  }

  /** Reads a string. */
  string(what: string): string {
    if (this.#skipTo() !== '"') this.#fail(`expected a string as ${what}`);
    const start = this.#position;
    let escaped = false;
    let index = start + 1;
    for (; ; index += 1) {
      const code = this.#text.charCodeAt(index);
      if (code === quote) break;
      if (Number.isNaN(code)) this.#fail(`${what} has no closing quote`);
      if (code < 0x20) this.#fail(`${what} contains a control character`);
      if (code === backslash) {
        escaped = true;
        index += 1;
      }
    }
    this.#position = index + 1;
    if (!escaped) return this.#text.slice(start + 1, index);
    let value: string;
    try {
      value = JSON.parse(this.#text.slice(start, index + 1)) as string;
    } catch (cause) {
      throw new SafetensorsError({ code: 'invalid-header', message: `${what} contains an invalid escape`, cause });
    }
    if (surrogate.test(value)) this.#fail(`${what} contains a lone surrogate`);
    return value;
  }

  /** Skips one value of any type. */
  skipValue(what: string): void {
    // The open brackets, innermost last; after each value the loop closes those that end there.
    const open: ('{' | '[')[] = [];
    for (;;) {
      const next = this.#skipTo();
      if (next === '{' || next === '[') {
        if (open.length === maximumDepth) this.#fail(`${what} is nested more than ${maximumDepth} deep`);
        this.#position += 1;
        open.push(next);
        const close = next === '{' ? '}' : ']';
        if (this.#skipTo() !== close) {
          if (next === '{') this.#keyAndColon(what);
          continue;
        }
      } else {
        this.#scalar(what);
      }
      for (;;) {
        const innermost = open.at(-1);
        if (innermost === undefined) return;
        const after = this.#skipTo();
        if (after === (innermost === '{' ? '}' : ']')) {
          this.#position += 1;
          open.pop();
          continue;
        }
        this.#expect(',', what);
        if (innermost === '{') this.#keyAndColon(what);
        break;
      }
    }
  }

  /** Skips `null`, if that is the next value. */
  skipNull(): boolean {
    if (this.#skipTo() !== 'n' || !this.#text.startsWith('null', this.#position)) return false;
    this.#position += 4;
    return true;
  }

  /** Checks that only whitespace is left. */
  end(what: string): void {
    if (this.#skipTo() !== undefined) this.#fail(`something follows ${what}`);
  }

  #keyAndColon(what: string): void {
    this.string(`a key of ${what}`);
    this.#expect(':', what);
  }

  #scalar(what: string): void {
    if (this.#text[this.#position] === '"') {
      this.string(what);
      return;
    }
    const pattern = /true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
    pattern.lastIndex = this.#position;
    if (!pattern.test(this.#text)) this.#fail(`expected a value in ${what}`);
    this.#position = pattern.lastIndex;
  }

  #integer(what: string): number {
    this.#skipTo();
    const start = this.#position;
    let value = 0;
    let index = start;
    for (; ; index += 1) {
      const digit = this.#text.charCodeAt(index) - 0x30;
      if (!(digit >= 0 && digit <= 9)) break;
      // JSON has no leading zeros; numbers of 16 or more digits can exceed the safe integers.
      if (index > start && value === 0) this.#fail(`a number in ${what} starts with 0`);
      value = value * 10 + digit;
      if (!Number.isSafeInteger(value)) this.#fail(`a number in ${what} is larger than 2^53 - 1`);
    }
    if (index === start) this.#fail(`expected a non-negative whole number in ${what}`);
    this.#position = index;
    return value;
  }

  #expect(character: string, what: string): void {
    if (this.#skipTo() !== character) this.#fail(`expected "${character}" in ${what}`);
    this.#position += 1;
  }

  /** Skips whitespace; returns the next character, or undefined at the end. */
  #skipTo(): string | undefined {
    while (isWhitespace(this.#text.charCodeAt(this.#position))) this.#position += 1;
    return this.#text[this.#position];
  }

  #fail(message: string): never {
    throw new SafetensorsError({
      code: 'invalid-header',
      message: `${message} (character ${this.#position} of the JSON text)`,
    });
  }
}
