import { TemplateFault } from './template-error';

export type TokenKind =
  | 'data'
  | 'variable-begin'
  | 'variable-end'
  | 'block-begin'
  | 'block-end'
  | 'name'
  | 'string'
  | 'integer'
  | 'float'
  | 'operator'
  | 'end';

export interface Token {
  kind: TokenKind;
  value: string;
  line: number;
}

/** Maximum template length; the longest published one has about 30,000 characters. */
const longest = 2_000_000;
const operators = [
  '//',
  '**',
  '==',
  '!=',
  '>=',
  '<=',
  '+',
  '-',
  '/',
  '*',
  '%',
  '~',
  '[',
  ']',
  '(',
  ')',
  '{',
  '}',
  '>',
  '<',
  '=',
  '.',
  ':',
  '|',
  ',',
  ';',
];
const closing: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };
const isSpace = (character: string): boolean => /\s/.test(character);

/**
 * Tokenizes a template, with `trim_blocks` and `lstrip_blocks` enabled and a single trailing newline removed, like
 * transformers configures Jinja. Linear time.
 */
export function tokenize(template: string): Token[] {
  if (template.length > longest)
    throw new TemplateFault(`it has ${template.length} characters; the limit is ${longest}`);
  // Normalises line endings, including those inside string literals.
  let source = template.replace(/\r\n?/g, '\n');
  if (source.endsWith('\n')) source = source.slice(0, -1);
  return new Lexer(source).run();
}

class Lexer {
  readonly #source: string;
  readonly #tokens: Token[] = [];
  #place = 0;
  #line = 1;
  #countedTo = 0;

  constructor(source: string) {
    this.#source = source;
  }

  run(): Token[] {
    const source = this.#source;
    let lineStarting = true;
    while (this.#place < source.length) {
      const open = this.#nextOpening(this.#place);
      if (open < 0) {
        this.#emit('data', source.slice(this.#place));
        break;
      }
      const kind = source[open + 1]!;
      const sign = source[open + 2] === '-' || source[open + 2] === '+' ? source[open + 2]! : '';
      this.#data(this.#place, open, kind, sign, lineStarting);
      this.#place = open + 2 + sign.length;
      if (kind === '#') {
        const end = source.indexOf('#}', this.#place);
        if (end < 0) throw this.#fault('a comment is not closed');
        this.#place = end;
        // The sign before #} belongs to the closing tag.
        const closingSign = source[end - 1] === '-' || source[end - 1] === '+' ? source[end - 1]! : '';
        this.#close('#}', end > open + 2 + sign.length ? closingSign : '');
      } else if (kind === '%' && this.#raw()) {
        // Done there.
      } else this.#inside(kind === '%' ? 'block' : 'variable');
      lineStarting = source[this.#place - 1] === '\n';
    }
    this.#emit('end', '');
    return this.#tokens;
  }

  #nextOpening(from: number): number {
    for (let place = this.#source.indexOf('{', from); place >= 0; place = this.#source.indexOf('{', place + 1)) {
      const next = this.#source[place + 1];
      if (next === '%' || next === '{' || next === '#') return place;
    }
    return -1;
  }

  /** Text before a tag, without whitespace that the tag strips. */
  #data(start: number, end: number, kind: string, sign: string, lineStarting: boolean): void {
    const source = this.#source;
    let last = end;
    if (sign === '-') while (last > start && isSpace(source[last - 1]!)) last -= 1;
    else if (sign !== '+' && kind !== '{') {
      let lineStart = end;
      while (lineStart > start && source[lineStart - 1] !== '\n' && isSpace(source[lineStart - 1]!)) lineStart -= 1;
      if (lineStart < end && (lineStart > start ? source[lineStart - 1] === '\n' : lineStarting)) last = lineStart;
    }
    if (last > start) this.#emit('data', source.slice(start, last));
  }

  /** Skips the end of a tag and the whitespace that it strips. */
  #close(end: string, sign: string): void {
    this.#place += end.length;
    if (sign === '-') while (this.#place < this.#source.length && isSpace(this.#source[this.#place]!)) this.#place += 1;
    else if (sign !== '+' && end !== '}}' && this.#source[this.#place] === '\n') this.#place += 1;
  }

  /** `{% raw %}…{% endraw %}` after its `{%`. */
  #raw(): boolean {
    const begin = /\s*raw\s*(?:-%\}\s*|%\})/y;
    begin.lastIndex = this.#place;
    const found = this.#source.startsWith('raw', this.#skipped(this.#place)) ? begin.exec(this.#source) : null;
    if (found === null) return false;
    const start = begin.lastIndex;
    const end = /\{%([-+]?)\s*endraw\s*(\+|-)?%\}/y;
    for (let place = this.#source.indexOf('{%', start); place >= 0; place = this.#source.indexOf('{%', place + 2)) {
      const after = this.#source[place + 2] === '-' || this.#source[place + 2] === '+' ? place + 3 : place + 2;
      if (!this.#source.startsWith('endraw', this.#skipped(after))) continue;
      end.lastIndex = place;
      const match = end.exec(this.#source);
      if (match === null) continue;
      this.#data(start, place, '%', match[1]!, this.#source[start - 1] === '\n');
      this.#place = end.lastIndex - 2;
      this.#close('%}', match[2] ?? '');
      return true;
    }
    throw this.#fault('{% raw %} is not closed');
  }

  #skipped(place: number): number {
    let next = place;
    while (next < this.#source.length && isSpace(this.#source[next]!)) next += 1;
    return next;
  }

  /** Contents of a tag, up to its end. */
  #inside(kind: 'block' | 'variable'): void {
    const source = this.#source;
    const end = kind === 'block' ? '%}' : '}}';
    const open: string[] = [];
    this.#emit(`${kind}-begin`, '');
    for (;;) {
      this.#place = this.#skipped(this.#place);
      const character = source[this.#place];
      if (character === undefined) throw this.#fault('a tag is not closed');
      if (open.length === 0) {
        const signed = character === '-' || (character === '+' && kind === 'block');
        if (source.startsWith(end, this.#place) || (signed && source.startsWith(end, this.#place + 1))) {
          const sign = source.startsWith(end, this.#place) ? '' : character;
          this.#place += sign.length;
          this.#emit(`${kind}-end`, '');
          this.#close(end, sign);
          return;
        }
      }
      if (character === "'" || character === '"') this.#string(character);
      else if (/\d/.test(character)) this.#number();
      else if (/[\p{ID_Start}_]/u.test(String.fromCodePoint(source.codePointAt(this.#place)!))) {
        const name = /[\p{ID_Continue}_]+/uy;
        name.lastIndex = this.#place;
        const text = name.exec(source)![0];
        this.#emit('name', text);
        this.#place += text.length;
      } else {
        const operator = operators.find((text) => source.startsWith(text, this.#place));
        if (operator === undefined) throw this.#fault(`${JSON.stringify(character)} is unexpected`);
        if (closing[operator] !== undefined) open.push(closing[operator]);
        else if (operator === ')' || operator === ']' || operator === '}') {
          const expected = open.pop();
          if (expected !== operator) throw this.#fault(`${operator} is unexpected`);
        }
        this.#emit('operator', operator);
        this.#place += operator.length;
      }
    }
  }

  #string(quote: string): void {
    const start = this.#place;
    let place = start + 1;
    while (this.#source[place] !== quote) {
      if (place >= this.#source.length) throw this.#fault('a string is not closed');
      place += this.#source[place] === '\\' ? 2 : 1;
    }
    this.#emit(
      'string',
      unescape(this.#source.slice(start + 1, place), (what) => this.#fault(what)),
    );
    this.#place = place + 1;
  }

  #number(): void {
    const float = /(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?[eE][+-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)/y;
    const whole = /0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0[xX](?:_?[\dA-Fa-f])+|[1-9](?:_?\d)*|0(?:_?0)*/y;
    // `a.0.1` is two indices.
    const afterDot = this.#source[this.#place - 1] === '.';
    for (const [kind, expression] of [
      ['float', float],
      ['integer', whole],
    ] as const) {
      if (kind === 'float' && afterDot) continue;
      expression.lastIndex = this.#place;
      const match = expression.exec(this.#source);
      if (match === null) continue;
      this.#emit(kind, match[0].replaceAll('_', ''));
      this.#place += match[0].length;
      return;
    }
    throw this.#fault('a number is malformed');
  }

  #emit(kind: TokenKind, value: string): void {
    for (; this.#countedTo < this.#place; this.#countedTo += 1)
      if (this.#source[this.#countedTo] === '\n') this.#line += 1;
    this.#tokens.push({ kind, value, line: this.#line });
  }

  #fault(what: string): TemplateFault {
    this.#emit('end', '');
    return new TemplateFault(`${what} (line ${this.#line})`);
  }
}

const simple: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  b: '\b',
  f: '\f',
  v: '\v',
  a: '\u0007',
  '\\': '\\',
  "'": "'",
  '"': '"',
  '\n': '',
};

/** Python's escapes; any other backslash is kept. */
function unescape(text: string, fault: (what: string) => TemplateFault): string {
  if (!text.includes('\\')) return text;
  return text.replace(
    /\\(?:x([\dA-Fa-f]{2})|u([\dA-Fa-f]{4})|U([\dA-Fa-f]{8})|([0-7]{1,3})|(N\{)|([xuU])|([^]))/g,
    (whole, x?: string, u?: string, long?: string, octal?: string, named?: string, short?: string, other?: string) => {
      const hexadecimal = x ?? u ?? long;
      if (hexadecimal !== undefined) {
        const code = parseInt(hexadecimal, 16);
        if (code > 0x10ffff) throw fault('an escape is not a valid character');
        return String.fromCodePoint(code);
      }
      if (octal !== undefined) return String.fromCharCode(parseInt(octal, 8));
      if (named !== undefined || short !== undefined) throw fault(`the escape ${whole} is not supported`);
      return Object.hasOwn(simple, other!) ? simple[other!]! : whole;
    },
  );
}
