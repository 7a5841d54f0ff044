import { setWithoutCase, withoutCase, foldingSequences } from './case-folding';
import { anything, type CharacterSet, classCharacter, intersection, lineFeed, union } from './character-set';
import { PatternError } from './pattern-error';
import { posixClasses, propertySource } from './properties';
import { empty, type PatternNode, widthOf } from './syntax-tree';

/** Whose rules an expression follows. */
export type PatternDialect =
  /** Oniguruma, as Rust's tokenizers run the expressions of tokenizer.json. */
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

/** Groups in groups; deeper ones would only exhaust the stack. */
const deepest = 100;
/** Characters of an expression. */
const longest = 20_000;

const control: Record<string, number> = { t: 9, n: 10, v: 11, f: 12, r: 13 };

/**
 * Parses a regular expression.
 *
 * @throws PatternError `invalid-pattern`, `unsupported-pattern`, `pattern-too-large`
 */
export function parsePattern(source: string, dialect: PatternDialect, ignoreCase: boolean): PatternNode {
  if (source.length > longest) {
    throw new PatternError({
      code: 'pattern-too-large',
      message: `the regular expression has ${source.length} characters; more than ${longest} are not read`,
    });
  }
  if (dialect === 'javascript') {
    try {
      new RegExp(source);
    } catch (cause) {
      throw new PatternError({
        code: 'invalid-pattern',
        message: `not a regular expression: ${(cause as Error).message}`,
        cause,
      });
    }
  }
  return new PatternParser(source, dialect).parse(ignoreCase);
}

class PatternParser {
  readonly #characters: readonly string[];
  readonly #source: string;
  readonly #dialect: PatternDialect;
  #place = 0;
  #depth = 0;
  /** Look-behinds and word boundaries so far: Oniguruma's own look-behind takes those inside of it otherwise. */
  #lookBehinds = 0;
  #flags: Flags = { ignoreCase: false, dotAll: false, multiline: false, extended: false, ascii: false };

  constructor(source: string, dialect: PatternDialect) {
    this.#source = source;
    this.#dialect = dialect;
    this.#characters = dialect === 'javascript' ? source.split('') : Array.from(source);
  }

  parse(ignoreCase: boolean): PatternNode {
    this.#flags.ignoreCase = ignoreCase;
    if (this.#dialect === 'python') this.#globalFlags();
    const node = this.#choice();
    if (this.#place < this.#characters.length) throw this.#invalid('a ) without its (');
    return node;
  }

  /** Python's `(?i)` stands at the start and holds for all. */
  #globalFlags(): void {
    for (;;) {
      const match = /^\(\?([a-zA-Z]+)\)/.exec(this.#characters.slice(this.#place, this.#place + 16).join(''));
      if (match === null) return;
      this.#setFlags(match[1]!, true);
      this.#place += match[0].length;
    }
  }

  #choice(): PatternNode {
    this.#depth += 1;
    if (this.#depth > deepest)
      throw new PatternError({
        code: 'pattern-too-large',
        message: `the regular expression nests groups deeper than ${deepest} levels`,
      });
    const outer = { ...this.#flags };
    const options = [this.#sequence()];
    while (this.#peek() === '|') {
      this.#place += 1;
      options.push(this.#sequence());
    }
    this.#flags = outer;
    this.#depth -= 1;
    return options.length === 1 ? options[0]! : { type: 'choice', options };
  }

  #sequence(): PatternNode {
    const items: PatternNode[] = [];
    let literals = '';
    for (;;) {
      const character = this.#peek();
      if (character === undefined || character === '|' || character === ')') break;
      if (this.#flags.extended && this.#skipExtended()) continue;
      if (this.#dialect === 'oniguruma' && this.#flags.ignoreCase) {
        literals = /^[\p{L}\p{M}\p{Sk}]$/u.test(character) ? literals + character : '';
        this.#refuseFoldingSequences(literals);
      }
      const optionsFollow = this.#bareFlags();
      if (optionsFollow) {
        // Oniguruma: the rest of the group, its alternatives included, is one group with these flags.
        items.push(this.#choice());
        break;
      }
      const start = this.#place;
      const atom = this.#atom();
      if (atom === undefined) continue;
      const anchor =
        this.#dialect === 'python' && /^(?:[$^]|\\[AbBZ])/.test(this.#characters.slice(start, start + 2).join(''));
      items.push(this.#quantified(atom, anchor));
    }
    return items.length === 1 ? items[0]! : items.length === 0 ? empty : { type: 'sequence', items };
  }

  /** In Oniguruma `(?i)ss` matches ß; such expressions are refused, for they would silently match less here. */
  #refuseFoldingSequences(literals: string): void {
    if (literals === '') return;
    const folded = literals.toLowerCase();
    for (const [sequence, code] of foldingSequences()) {
      if (folded.endsWith(sequence) || String.fromCodePoint(code).toLowerCase() === folded.slice(-1)) {
        throw this.#unsupported(
          `${JSON.stringify(sequence)} without case, which is one character (${String.fromCodePoint(code)}) too`,
        );
      }
    }
  }

  #skipExtended(): boolean {
    const character = this.#peek()!;
    if (/[ \t\n\r\f\v]/.test(character)) {
      this.#place += 1;
      return true;
    }
    if (character !== '#') return false;
    while (this.#peek() !== undefined && this.#peek() !== '\n') this.#place += 1;
    return true;
  }

  /** `(?i)` in the middle: Oniguruma's holds to the end of the group. */
  #bareFlags(): boolean {
    if (this.#dialect !== 'oniguruma' || this.#peek() !== '(' || this.#peek(1) !== '?') return false;
    const match = /^\(\?([a-zA-Z]*)(?:-([a-zA-Z]*))?\)/.exec(
      this.#characters.slice(this.#place, this.#place + 24).join(''),
    );
    if (match === null) return false;
    this.#place += match[0].length;
    this.#setFlags(match[1]!, true);
    this.#setFlags(match[2] ?? '', false);
    return true;
  }

  #setFlags(letters: string, on: boolean): void {
    for (const letter of letters) {
      if (letter === 'i') this.#flags.ignoreCase = on;
      else if (letter === 'x') this.#flags.extended = on;
      else if (letter === 'm' && this.#dialect === 'oniguruma') this.#flags.dotAll = on;
      else if (letter === 'm' && this.#dialect === 'python') this.#flags.multiline = on;
      else if (letter === 's' && this.#dialect === 'python') this.#flags.dotAll = on;
      else if (letter === 'a' && this.#dialect === 'python') this.#flags.ascii = on;
      else if (letter === 'u' && this.#dialect === 'python') this.#flags.ascii = false;
      else throw this.#unsupported(`the flag ${letter}`);
    }
  }

  #quantified(atom: PatternNode, anchor: boolean): PatternNode {
    let node = atom;
    for (let count = 0; ; count += 1) {
      while (this.#flags.extended && this.#peek() !== undefined && this.#skipExtended());
      const start = this.#place;
      const bounds = this.#quantifier();
      if (bounds === undefined) return node;
      if (count > 0 && this.#dialect !== 'oniguruma') throw this.#invalid('a quantifier of a quantifier');
      if (count > 20)
        throw new PatternError({
          code: 'pattern-too-large',
          message: 'the regular expression has more than 20 quantifiers in a row',
        });
      const { minimum, maximum } = bounds;
      const interval = this.#characters[start] === '{';
      const after = this.#peek();
      if (anchor || (this.#dialect === 'oniguruma' && isPlace(node))) throw this.#invalid('a quantifier of a place');
      if (node.type === 'look' || node.type === 'edge') {
        // Whether a look-around is repeated makes no difference but for none at all.
        node = {
          type: 'repeat',
          body: node,
          minimum: Math.min(minimum, 1),
          maximum: Math.min(maximum, 1),
          greedy: true,
        };
        if (after === '?' || (after === '+' && this.#dialect !== 'javascript')) this.#place += 1;
        continue;
      }
      const repeat = (greedy: boolean): PatternNode => ({ type: 'repeat', body: node, minimum, maximum, greedy });
      if (after === '?' && !(interval && this.#dialect === 'oniguruma' && minimum === maximum && bounds.fixed)) {
        this.#place += 1;
        node = repeat(false);
      } else if (after === '+' && this.#dialect !== 'javascript' && !(interval && this.#dialect === 'oniguruma')) {
        this.#place += 1;
        node = { type: 'atomic', body: repeat(true) };
      } else node = repeat(true);
    }
  }

  /** `*`, `+`, `?` and `{n,m}`; undefined where none stands here. */
  #quantifier(): { minimum: number; maximum: number; fixed: boolean } | undefined {
    const character = this.#peek();
    const simple =
      character === '*' ? [0, Infinity] : character === '+' ? [1, Infinity] : character === '?' ? [0, 1] : undefined;
    if (simple !== undefined) {
      this.#place += 1;
      return { minimum: simple[0]!, maximum: simple[1]!, fixed: false };
    }
    if (character !== '{') return undefined;
    const match = /^\{(\d{0,7})(,)?(\d{0,7})\}/.exec(this.#characters.slice(this.#place, this.#place + 20).join(''));
    if (match === null) {
      if (/^\{\d*(,\d*)?\}/.test(this.#characters.slice(this.#place, this.#place + 400).join('')))
        throw this.#tooMany();
      return undefined;
    }
    const [all, low, comma, high] = match as unknown as [string, string, string | undefined, string];
    if (low === '' && (comma === undefined || high === '' || this.#dialect === 'javascript')) {
      if (low === '' && comma !== undefined && high === '' && this.#dialect === 'python') {
        this.#place += all.length;
        return { minimum: 0, maximum: Infinity, fixed: false };
      }
      return undefined;
    }
    const minimum = low === '' ? 0 : Number(low);
    const maximum = comma === undefined ? minimum : high === '' ? Infinity : Number(high);
    if (maximum < minimum) throw this.#invalid(`the quantifier ${all}`);
    if (minimum > 1000 || (maximum !== Infinity && maximum > 1000)) throw this.#tooMany();
    this.#place += all.length;
    return { minimum, maximum, fixed: comma === undefined };
  }

  #tooMany(): PatternError {
    return new PatternError({
      code: 'pattern-too-large',
      message: 'the regular expression repeats a part more than 1000 times',
    });
  }

  /** One thing that a quantifier may follow; undefined for a comment. */
  #atom(): PatternNode | undefined {
    const character = this.#next();
    switch (character) {
      case '(':
        return this.#group();
      case '[':
        return set(this.#class());
      case '.':
        return set(this.#dot());
      case '^':
        return this.#dialect === 'oniguruma' ? lineStart(true) : this.#flags.multiline ? lineStart(false) : textStart;
      case '$':
        if (this.#dialect === 'oniguruma' || this.#flags.multiline) return lineEnd;
        return this.#dialect === 'python' ? beforeLastLineFeed : textEnd;
      case '\\':
        return this.#escape();
      case '*':
      case '+':
      case '?':
        throw this.#invalid(`${character} has nothing to repeat`);
      default:
        return this.#literal(character.codePointAt(0)!);
    }
  }

  #dot(): CharacterSet {
    if (this.#flags.dotAll) return anything;
    return this.#dialect === 'javascript' ? notLineTerminator : notLineFeed;
  }

  #literal(code: number): PatternNode {
    return set(this.#characterSet(code));
  }

  #characterSet(code: number): CharacterSet {
    if (!this.#flags.ignoreCase) return union([classCharacter(code)]);
    if (this.#flags.ascii)
      return union((/[a-z]/i.test(String.fromCodePoint(code)) ? [code, code ^ 0x20] : [code]).map(classCharacter));
    if (this.#dialect === 'oniguruma' && code >= 0x80) this.#refuseFoldingCharacter(code);
    return union(withoutCase(code, this.#dialect === 'python').map(classCharacter));
  }

  #refuseFoldingCharacter(code: number): void {
    for (const [sequence, other] of foldingSequences()) {
      if (other === code)
        throw this.#unsupported(`${String.fromCodePoint(code)} without case, which is ${JSON.stringify(sequence)} too`);
    }
  }

  #group(): PatternNode | undefined {
    if (this.#peek() !== '?') {
      if (this.#peek() === '*') throw this.#unsupported('a group that begins with (*');
      return asOne(this.#close(this.#choice()));
    }
    this.#place += 1;
    const character = this.#next();
    switch (character) {
      case ':':
        return this.#close(this.#choice());
      case '=':
      case '!':
        return this.#look(false, character === '!');
      case '>':
        if (this.#dialect === 'javascript') break;
        return { type: 'atomic', body: this.#close(this.#choice()) };
      case '#':
        while (this.#next() !== ')');
        return undefined;
      case '<': {
        const following = this.#peek();
        if (following === '=' || following === '!') {
          this.#place += 1;
          return this.#look(true, following === '!');
        }
        if (this.#dialect === 'python') break;
        return this.#named('>');
      }
      case "'":
        if (this.#dialect === 'oniguruma') return this.#named("'");
        break;
      case 'P':
        if (this.#dialect === 'python' && this.#peek() === '<') {
          this.#place += 1;
          return this.#named('>');
        }
        break;
      default: {
        const flags = /^([a-zA-Z]*)(?:-([a-zA-Z]+))?:/.exec(
          this.#characters.slice(this.#place - 1, this.#place + 24).join(''),
        );
        if (flags === null || this.#dialect === 'javascript') break;
        this.#place += flags[0].length - 1;
        const outer = { ...this.#flags };
        this.#setFlags(flags[1]!, true);
        this.#setFlags(flags[2] ?? '', false);
        const body = this.#close(this.#choice());
        this.#flags = outer;
        return asOne(body);
      }
    }
    throw this.#unsupported(`a group that begins with (?${character}`);
  }

  #named(closing: string): PatternNode {
    let name = '';
    for (let character = this.#next(); character !== closing; character = this.#next()) name += character;
    if (!/^[\p{L}_][\p{L}\p{N}_]*$/u.test(name)) throw this.#invalid(`a group named ${JSON.stringify(name)}`);
    return asOne(this.#close(this.#choice()));
  }

  #close(node: PatternNode): PatternNode {
    if (this.#peek() !== ')') throw this.#invalid('a ( without its )');
    this.#place += 1;
    return node;
  }

  #look(behind: boolean, negative: boolean): PatternNode {
    const outside = this.#lookBehinds;
    this.#lookBehinds = 0;
    const body = this.#close(this.#choice());
    const inside = this.#lookBehinds;
    this.#lookBehinds = outside + inside + (behind ? 1 : 0);
    if (behind) {
      if (this.#dialect === 'python') {
        const { minimum, maximum } = widthOf(body);
        if (minimum !== maximum) throw this.#invalid('look-behind of no fixed width');
      }
      if (this.#dialect === 'oniguruma' && inside > 0) throw this.#unsupported('a look-behind or \\b in a look-behind');
      if (hasAtomic(body)) throw this.#unsupported('an atomic group or a possessive quantifier in a look-behind');
    }
    return body.type === 'set'
      ? { type: 'edge', set: body.set, behind, negative }
      : { type: 'look', body, behind, negative };
  }

  #escape(): PatternNode {
    const character = this.#peek();
    if (character === undefined) throw this.#invalid('a \\ at the end');
    switch (character) {
      case 'b':
      case 'B': {
        this.#place += 1;
        if (this.#dialect === 'oniguruma' && this.#peek() === '{') throw this.#unsupported(`\\${character}{`);
        // Python before 3.14: the empty text has no place that is no boundary.
        if (character === 'B' && this.#dialect === 'python')
          return { type: 'sequence', items: [notEmptyText, boundary(this.#wordSet(), true)] };
        this.#lookBehinds += 1;
        return boundary(this.#wordSet(), character === 'B');
      }
      case 'A':
        if (this.#dialect === 'javascript') break;
        this.#place += 1;
        return textStart;
      case 'Z':
        if (this.#dialect === 'javascript') break;
        this.#place += 1;
        return this.#dialect === 'python' ? textEnd : beforeLastLineFeed;
      case 'z':
        if (this.#dialect !== 'oniguruma') break;
        this.#place += 1;
        return textEnd;
      case 'R':
        if (this.#dialect !== 'oniguruma') break;
        this.#place += 1;
        return {
          type: 'atomic',
          body: {
            type: 'choice',
            options: [
              { type: 'sequence', items: [set(union(['\\r'])), set(lineFeed)] },
              set(union(['\\n\\v\\f\\r\\u{85}\\u{2028}\\u{2029}'])),
            ],
          },
        };
      case 'N':
        if (this.#dialect !== 'oniguruma') break;
        this.#place += 1;
        return set(notLineFeed);
      case 'O':
        if (this.#dialect !== 'oniguruma') break;
        this.#place += 1;
        return set(anything);
      case 'G':
      case 'K':
      case 'X':
      case 'y':
      case 'Y':
      case 'g':
        if (this.#dialect !== 'oniguruma') break;
        throw this.#unsupported(`\\${character}`);
      case 'k':
        if (this.#dialect === 'javascript' && !/\(\?<[^=!]/.test(this.#source)) break;
        if (this.#dialect === 'python') break;
        throw this.#unsupported('a back-reference');
      default:
        if (/[1-9]/.test(character)) this.#refuseBackReference();
    }
    const shorthand = this.#shorthand(false);
    if (shorthand !== undefined) return set(shorthand);
    return this.#literal(this.#escapedCode(false));
  }

  #refuseBackReference(): void {
    const digits = /^\d+/.exec(this.#characters.slice(this.#place, this.#place + 8).join(''))![0];
    if (this.#dialect === 'javascript') {
      // Annex B: a number with no such group is a character in octal.
      const groups = (this.#source.replace(/\\.|\[(?:\\.|[^\]\\])*\]/gs, '').match(/\((?!\?)|\(\?<(?![=!])/g) ?? [])
        .length;
      if (Number(digits) > groups) return;
    }
    throw this.#unsupported(`the back-reference \\${digits}`);
  }

  #wordSet(): CharacterSet {
    if (this.#dialect === 'javascript' || this.#flags.ascii) return asciiWord;
    return this.#dialect === 'python' ? pythonWord : unicodeWord;
  }

  /** `\d`, `\w`, `\s`, `\h`, `\p{…}` and their opposites; undefined where something else stands here. */
  #shorthand(inClass: boolean): CharacterSet | undefined {
    const character = this.#peek()!;
    const lower = character.toLowerCase();
    let found: CharacterSet | undefined;
    const ascii = this.#dialect === 'javascript' || this.#flags.ascii;
    if (lower === 'w') found = inClass && this.#dialect === 'oniguruma' ? unicodeWordInClass : this.#wordSet();
    else if (lower === 'd') found = ascii ? asciiDigit : unicodeDigit;
    else if (lower === 's') {
      if (this.#dialect === 'javascript') found = javascriptSpace;
      else if (this.#dialect === 'python') found = this.#flags.ascii ? asciiSpace : pythonSpace;
      else found = unicodeSpace;
    } else if (lower === 'h' && this.#dialect === 'oniguruma') found = union(['0-9A-Fa-f']);
    else if (lower === 'p' && this.#dialect === 'oniguruma') return this.#property(inClass);
    if (found === undefined) return undefined;
    this.#place += 1;
    return character === lower ? found : found.negated();
  }

  #property(inClass: boolean): CharacterSet {
    let negative = this.#next() === 'P';
    if (this.#peek() !== '{') throw this.#invalid('\\p without a name in braces');
    this.#place += 1;
    let name = '';
    for (let character = this.#next(); character !== '}'; character = this.#next()) name += character;
    if (name.startsWith('^')) {
      negative = !negative;
      name = name.slice(1);
    }
    const source = propertySource(name);
    if (source === undefined) throw this.#unsupported(`the property \\p{${name}}`);
    const found = !inClass && source === posixClasses['word'] ? unicodeWord : union([source]);
    return negative ? found.negated() : found;
  }

  /** The character of an escape, after the backslash. */
  #escapedCode(inClass: boolean): number {
    const character = this.#next();
    if (Object.hasOwn(control, character)) return control[character]!;
    if (character === 'b' && inClass) return 8;
    if (character === 'a' && this.#dialect !== 'javascript') return 7;
    if (character === 'e' && this.#dialect === 'oniguruma') return 0x1b;
    if (character === 'x') {
      if (this.#dialect === 'oniguruma' && this.#peek() === '{') {
        this.#place += 1;
        const digits = this.#take(/^[0-9A-Fa-f]{1,8}(?=\})/, 12);
        if (digits === undefined) throw this.#unsupported('\\x{…} of other than one hexadecimal number');
        this.#place += 1;
        return this.#codePoint(parseInt(digits, 16));
      }
      const digits = this.#take(this.#dialect === 'oniguruma' ? /^[0-9A-Fa-f]{1,2}/ : /^[0-9A-Fa-f]{2}/, 2);
      if (digits !== undefined) {
        const code = parseInt(digits, 16);
        if (code > 0x7f && this.#dialect === 'oniguruma')
          throw this.#unsupported(`the byte \\x${digits}; write the character as \\x{${digits}}`);
        return code;
      }
      if (this.#dialect === 'javascript') return 0x78;
      throw this.#invalid('\\x without digits');
    }
    if (character === 'u' || (character === 'U' && this.#dialect === 'python')) {
      const length = character === 'u' ? 4 : 8;
      const digits = this.#take(new RegExp(`^[0-9A-Fa-f]{${length}}`), length);
      if (digits !== undefined) return this.#codePoint(parseInt(digits, 16));
      if (this.#dialect === 'javascript') return 0x75;
      throw this.#invalid(`\\${character} without ${length} digits`);
    }
    if (character === 'c' && this.#dialect === 'javascript') {
      if (/[A-Za-z]/.test(this.#peek() ?? '')) return this.#next().charCodeAt(0) & 31;
      this.#place -= 1;
      return 0x5c;
    }
    if (/[0-7]/.test(character)) {
      const more = this.#take(/^[0-7]{1,2}/, 2) ?? '';
      let digits = character + more;
      if (parseInt(digits, 8) > 0xff) {
        if (this.#dialect !== 'javascript') throw this.#unsupported(`the octal number \\${digits}`);
        digits = digits.slice(0, 2);
        this.#place -= 1;
      }
      if (this.#dialect === 'oniguruma' && parseInt(digits, 8) > 0x7f) throw this.#unsupported(`the byte \\${digits}`);
      return parseInt(digits, 8);
    }
    if (/[A-Za-z0-9]/.test(character)) {
      if (this.#dialect === 'python') throw this.#invalid(`the escape \\${character}`);
      if (this.#dialect === 'oniguruma' && /[cCM]/.test(character))
        throw this.#unsupported(`the escape \\${character}`);
    }
    return character.codePointAt(0)!;
  }

  #codePoint(code: number): number {
    if (code > 0x10ffff || (this.#dialect !== 'javascript' && code >= 0xd800 && code <= 0xdfff))
      throw this.#invalid(`the character ${code.toString(16)}`);
    return code;
  }

  /** A class, after its bracket. */
  #class(): CharacterSet {
    const { set: positive, negative } = this.#classItems(0);
    let found = positive;
    if (this.#flags.ignoreCase) {
      if (this.#dialect === 'oniguruma' && !negative) {
        for (const [sequence, code] of foldingSequences()) {
          if (positive.has(code))
            throw this.#unsupported(
              `a class without case that has ${String.fromCodePoint(code)}, which is ${JSON.stringify(sequence)} too`,
            );
        }
      }
      found = setWithoutCase(found, {
        turkish: this.#dialect === 'python',
        ascii: this.#flags.ascii || this.#dialect === 'javascript',
      });
    }
    return negative ? found.negated() : found;
  }

  #classItems(level: number): { set: CharacterSet; negative: boolean } {
    if (level > 20)
      throw new PatternError({
        code: 'pattern-too-large',
        message: 'the regular expression nests classes deeper than 20 levels',
      });
    let negative = false;
    if (this.#peek() === '^') {
      negative = true;
      this.#place += 1;
    }
    const parts: CharacterSet[] = [];
    let sources: string[] = [];
    const start = this.#place;
    for (;;) {
      const character = this.#peek();
      if (character === undefined) throw this.#invalid('a [ without its ]');
      if (character === ']' && (this.#place > start || this.#dialect === 'javascript')) {
        this.#place += 1;
        break;
      }
      if (character === '[' && this.#dialect === 'oniguruma') {
        const posix = this.#take(/^\[:\^?[a-zA-Z]{1,20}:\]/, 30);
        if (posix !== undefined) {
          const name = posix.slice(2, -2).replace('^', '');
          if (!Object.hasOwn(posixClasses, name)) throw this.#unsupported(`the class ${posix}`);
          sources.push(posix[2] === '^' ? `[^${posixClasses[name]!}]` : posixClasses[name]!);
          continue;
        }
        this.#place += 1;
        const inner = this.#classItems(level + 1);
        sources.push((inner.negative ? inner.set.negated() : inner.set).source);
        continue;
      }
      if (character === '&' && this.#peek(1) === '&' && this.#dialect === 'oniguruma') {
        this.#place += 2;
        parts.push(union(sources));
        sources = [];
        continue;
      }
      const first = this.#classAtom();
      if (this.#peek() !== '-' || this.#peek(1) === ']' || this.#peek(1) === undefined) {
        sources.push(typeof first === 'number' ? classCharacter(first) : first.source);
        continue;
      }
      if (
        this.#dialect === 'oniguruma' &&
        (this.#peek(1) === '[' || (this.#peek(1) === '&' && this.#peek(2) === '&'))
      ) {
        sources.push(typeof first === 'number' ? classCharacter(first) : first.source, classCharacter(0x2d));
        this.#place += 1;
        continue;
      }
      this.#place += 1;
      const last = this.#classAtom();
      if (typeof first === 'number' && typeof last === 'number') {
        if (last < first) throw this.#invalid(`the range ${String.fromCodePoint(first)}-${String.fromCodePoint(last)}`);
        sources.push(`${classCharacter(first)}-${classCharacter(last)}`);
      } else {
        // JavaScript (Annex B) and Oniguruma take a - beside a class for itself; Python refuses it.
        if (this.#dialect === 'python') throw this.#invalid('a range of classes');
        for (const part of [first, last]) sources.push(typeof part === 'number' ? classCharacter(part) : part.source);
        sources.push(classCharacter(0x2d));
      }
    }
    parts.push(union(sources));
    return { set: intersection(parts), negative };
  }

  #classAtom(): number | CharacterSet {
    const character = this.#next();
    if (character !== '\\') return character.codePointAt(0)!;
    if (this.#peek() === undefined) throw this.#invalid('a \\ at the end');
    if (this.#dialect === 'oniguruma' && /[RXKGO]/.test(this.#peek()!))
      throw this.#unsupported(`\\${this.#peek()} in a class`);
    if (/[1-9]/.test(this.#peek()!) && this.#dialect === 'python') throw this.#invalid(`the escape \\${this.#peek()}`);
    return this.#shorthand(true) ?? this.#escapedCode(true);
  }

  #peek(ahead = 0): string | undefined {
    return this.#characters[this.#place + ahead];
  }

  #next(): string {
    const character = this.#characters[this.#place];
    if (character === undefined) throw this.#invalid('it ends too early');
    this.#place += 1;
    return character;
  }

  /** What an expression finds here, which is passed over. */
  #take(expression: RegExp, length: number): string | undefined {
    const found = expression.exec(this.#characters.slice(this.#place, this.#place + length).join(''))?.[0];
    if (found !== undefined) this.#place += found.length;
    return found;
  }

  #invalid(what: string): PatternError {
    return new PatternError({
      code: 'invalid-pattern',
      message: `not a regular expression of ${names[this.#dialect]}: ${what}, at character ${this.#place}`,
    });
  }

  #unsupported(what: string): PatternError {
    return new PatternError({
      code: 'unsupported-pattern',
      message: `the regular expression has ${what}, which Subtext does not follow`,
    });
  }
}

const names: Record<PatternDialect, string> = {
  oniguruma: 'Oniguruma',
  python: "Python's re",
  javascript: 'JavaScript',
};

const notLineFeed = union(['[^\\n]']);
const notLineTerminator = union(['[^\\n\\r\\u{2028}\\u{2029}]']);
const asciiWord = union(['0-9A-Za-z_']);
const pythonWord = union(['\\p{L}\\p{N}_']);
// Oniguruma counts six fractions and powers of Latin-1 as parts of words, but not inside of brackets.
const unicodeWord = union([posixClasses['word']!, '\u{b2}\u{b3}\u{b9}\u{bc}-\u{be}']);
const unicodeWordInClass = union([posixClasses['word']!]);
const asciiDigit = union(['0-9']);
const unicodeDigit = union(['\\p{Nd}']);
const asciiSpace = union([' \\t\\n\\r\\f\\v']);
const javascriptSpace = union(['\\s']);
const unicodeSpace = union(['\\p{White_Space}']);
const pythonSpace = union(['\\p{White_Space}\\u{1c}-\\u{1f}']);

const textStart: PatternNode = { type: 'edge', set: anything, behind: true, negative: true };
const textEnd: PatternNode = { type: 'edge', set: anything, behind: false, negative: true };
const lineEnd: PatternNode = { type: 'edge', set: notLineFeed, behind: false, negative: true };
const beforeLastLineFeed: PatternNode = {
  type: 'look',
  behind: false,
  negative: false,
  body: { type: 'choice', options: [textEnd, { type: 'sequence', items: [{ type: 'set', set: lineFeed }, textEnd] }] },
};

const notEmptyText: PatternNode = {
  type: 'choice',
  options: [true, false].map((behind) => ({ type: 'edge', set: anything, behind, negative: false })),
};

/** After a line feed or at the start; Oniguruma does not count the place after the text's last line feed. */
function lineStart(notAtEnd: boolean): PatternNode {
  const afterLineFeed: PatternNode = { type: 'edge', set: lineFeed, behind: true, negative: false };
  const beforeSomething: PatternNode = { type: 'edge', set: anything, behind: false, negative: false };
  return {
    type: 'choice',
    options: [textStart, notAtEnd ? { type: 'sequence', items: [afterLineFeed, beforeSomething] } : afterLineFeed],
  };
}

function boundary(word: CharacterSet, negative: boolean): PatternNode {
  const edge = (behind: boolean, outside: boolean): PatternNode => ({
    type: 'edge',
    set: word,
    behind,
    negative: outside,
  });
  const pair = (before: boolean, after: boolean): PatternNode => ({
    type: 'sequence',
    items: [edge(true, before), edge(false, after)],
  });
  const place: PatternNode = {
    type: 'choice',
    options: negative ? [pair(false, false), pair(true, true)] : [pair(false, true), pair(true, false)],
  };
  boundaries.add(place);
  return place;
}

/** Word boundaries, which look like alternatives. */
const boundaries = new WeakSet<PatternNode>();

function set(characters: CharacterSet): PatternNode {
  return { type: 'set', set: characters };
}

/** What Oniguruma lets no quantifier follow: a place in the text, or alternatives with one among them. */
function isPlace(node: PatternNode): boolean {
  if (node.type === 'choice') return boundaries.has(node) || node.options.some(isPlace);
  return node.type === 'look' || node.type === 'edge';
}

/** A group that is more than brackets: a place in it is no place for what follows. */
function asOne(body: PatternNode): PatternNode {
  return isPlace(body) ? { type: 'sequence', items: [body] } : body;
}

function hasAtomic(node: PatternNode): boolean {
  switch (node.type) {
    case 'atomic':
      return true;
    case 'sequence':
      return node.items.some(hasAtomic);
    case 'choice':
      return node.options.some(hasAtomic);
    case 'repeat':
      return hasAtomic(node.body);
    default:
      return false;
  }
}
