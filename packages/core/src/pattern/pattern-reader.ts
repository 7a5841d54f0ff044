import { PatternError } from './pattern-error';

/** Syntax and semantics of a regular expression. */
export type PatternDialect =
  /** Oniguruma, as used by Hugging Face's Rust tokenizers for tokenizer.json. */
  | 'oniguruma'
  /** Python's `re` on strings. */
  | 'python'
  /** JavaScript's, without the `u` flag. */
  | 'javascript';

interface Flags {
  ignoreCase: boolean;
  dotAll: boolean;
  multiline: boolean;
  extended: boolean;
  ascii: boolean;
}

/** Reads an expression character by character and tracks the flags in effect. */
export class PatternReader {
  protected readonly characters: readonly string[];

  protected readonly source: string;

  protected readonly dialect: PatternDialect;

  protected place = 0;

  protected flags: Flags = { ignoreCase: false, dotAll: false, multiline: false, extended: false, ascii: false };

  constructor(source: string, dialect: PatternDialect) {
    this.source = source;
    this.dialect = dialect;
    this.characters = dialect === 'javascript' ? source.split('') : Array.from(source);
  }

  protected peek(ahead = 0): string | undefined {
    return this.characters[this.place + ahead];
  }

  protected next(): string {
    const character = this.characters[this.place];
    if (character === undefined) throw this.invalid('unexpected end');
    this.place += 1;
    return character;
  }

  /** Consumes what `expression` matches at this position. */
  protected take(expression: RegExp, length: number): string | undefined {
    const found = expression.exec(this.characters.slice(this.place, this.place + length).join(''))?.[0];
    if (found !== undefined) this.place += found.length;
    return found;
  }

  protected setFlags(letters: string, on: boolean): void {
    for (const letter of letters) {
      if (letter === 'i') this.flags.ignoreCase = on;
      else if (letter === 'x') this.flags.extended = on;
      else if (letter === 'm' && this.dialect === 'oniguruma') this.flags.dotAll = on;
      else if (letter === 'm' && this.dialect === 'python') this.flags.multiline = on;
      else if (letter === 's' && this.dialect === 'python') this.flags.dotAll = on;
      else if (letter === 'a' && this.dialect === 'python') this.flags.ascii = on;
      else if (letter === 'u' && this.dialect === 'python') this.flags.ascii = false;
      else throw this.unsupported(`the flag ${letter}`);
    }
  }

  protected skipExtended(): boolean {
    const character = this.peek()!;
    if (/[ \t\n\r\f\v]/.test(character)) {
      this.place += 1;
      return true;
    }
    if (character !== '#') return false;
    while (this.peek() !== undefined && this.peek() !== '\n') this.place += 1;
    return true;
  }

  protected invalid(what: string): PatternError {
    return new PatternError({
      code: 'invalid-pattern',
      message: `not a regular expression of ${names[this.dialect]}: ${what}, at character ${this.place}`,
    });
  }

  protected unsupported(what: string): PatternError {
    return new PatternError({
      code: 'unsupported-pattern',
      message: `the regular expression has ${what}, which Subtext does not support`,
    });
  }
}

const names: Record<PatternDialect, string> = {
  oniguruma: 'Oniguruma',
  python: "Python's re",
  javascript: 'JavaScript',
};
