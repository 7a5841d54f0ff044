import { foldingSequences, withoutCase } from './case-folding';
import { anything, type CharacterSet, classCharacter, union } from './character-set';
import { PatternReader } from './pattern-reader';
import { posixClasses, propertySource } from './properties';
import { notLineFeed } from './text-places';

/** Reads literal characters, escapes and shorthand character classes. */
export class CharacterReader extends PatternReader {
  protected dot(): CharacterSet {
    if (this.flags.dotAll) return anything;
    return this.dialect === 'javascript' ? notLineTerminator : notLineFeed;
  }

  protected characterSet(code: number): CharacterSet {
    if (!this.flags.ignoreCase) return union([classCharacter(code)]);
    if (this.flags.ascii)
      return union((/[a-z]/i.test(String.fromCodePoint(code)) ? [code, code ^ 0x20] : [code]).map(classCharacter));
    if (this.dialect === 'oniguruma' && code >= 0x80) this.refuseFoldingCharacter(code);
    return union(withoutCase(code, this.dialect === 'python').map(classCharacter));
  }

  protected refuseFoldingCharacter(code: number): void {
    for (const [sequence, other] of foldingSequences()) {
      if (other === code)
        throw this.unsupported(
          `a case-insensitive ${String.fromCodePoint(code)}, which also matches ${JSON.stringify(sequence)}`,
        );
    }
  }

  /** In Oniguruma `(?i)ss` also matches ß. Such expressions are rejected, since they would silently match less here. */
  protected refuseFoldingSequences(literals: string): void {
    if (literals === '') return;
    const folded = literals.toLowerCase();
    for (const [sequence, code] of foldingSequences()) {
      if (folded.endsWith(sequence) || String.fromCodePoint(code).toLowerCase() === folded.slice(-1)) {
        throw this.unsupported(
          `a case-insensitive ${JSON.stringify(sequence)}, which also matches the single character ${String.fromCodePoint(code)}`,
        );
      }
    }
  }

  protected wordSet(): CharacterSet {
    if (this.dialect === 'javascript' || this.flags.ascii) return asciiWord;
    return this.dialect === 'python' ? pythonWord : unicodeWord;
  }

  /** `\d`, `\w`, `\s`, `\h`, `\p{…}` and their negations; undefined for anything else. */
  protected shorthand(inClass: boolean): CharacterSet | undefined {
    const character = this.peek()!;
    const lower = character.toLowerCase();
    let found: CharacterSet | undefined;
    const ascii = this.dialect === 'javascript' || this.flags.ascii;
    if (lower === 'w') found = inClass && this.dialect === 'oniguruma' ? unicodeWordInClass : this.wordSet();
    else if (lower === 'd') found = ascii ? asciiDigit : unicodeDigit;
    else if (lower === 's') {
      if (this.dialect === 'javascript') found = javascriptSpace;
      else if (this.dialect === 'python') found = this.flags.ascii ? asciiSpace : pythonSpace;
      else found = unicodeSpace;
    } else if (lower === 'h' && this.dialect === 'oniguruma') found = union(['0-9A-Fa-f']);
    else if (lower === 'p' && this.dialect === 'oniguruma') return this.property(inClass);
    if (found === undefined) return undefined;
    this.place += 1;
    return character === lower ? found : found.negated();
  }

  protected property(inClass: boolean): CharacterSet {
    let negative = this.next() === 'P';
    if (this.peek() !== '{') throw this.invalid('\\p without a name in braces');
    this.place += 1;
    let name = '';
    for (let character = this.next(); character !== '}'; character = this.next()) name += character;
    if (name.startsWith('^')) {
      negative = !negative;
      name = name.slice(1);
    }
    const source = propertySource(name);
    if (source === undefined) throw this.unsupported(`the property \\p{${name}}`);
    const found = !inClass && source === posixClasses['word'] ? unicodeWord : union([source]);
    return negative ? found.negated() : found;
  }

  /** Code point of an escape, read after the backslash. */
  protected escapedCode(inClass: boolean): number {
    const character = this.next();
    if (Object.hasOwn(control, character)) return control[character]!;
    if (character === 'b' && inClass) return 8;
    if (character === 'a' && this.dialect !== 'javascript') return 7;
    if (character === 'e' && this.dialect === 'oniguruma') return 0x1b;
    if (character === 'x') {
      if (this.dialect === 'oniguruma' && this.peek() === '{') {
        this.place += 1;
        const digits = this.take(/^[0-9A-Fa-f]{1,8}(?=\})/, 12);
        if (digits === undefined) throw this.unsupported('\\x{…} with anything but one hexadecimal number');
        this.place += 1;
        return this.codePoint(parseInt(digits, 16));
      }
      const digits = this.take(this.dialect === 'oniguruma' ? /^[0-9A-Fa-f]{1,2}/ : /^[0-9A-Fa-f]{2}/, 2);
      if (digits !== undefined) {
        const code = parseInt(digits, 16);
        if (code > 0x7f && this.dialect === 'oniguruma')
          throw this.unsupported(`the byte \\x${digits}; write the character as \\x{${digits}}`);
        return code;
      }
      if (this.dialect === 'javascript') return 0x78;
      throw this.invalid('\\x without digits');
    }
    if (character === 'u' || (character === 'U' && this.dialect === 'python')) {
      const length = character === 'u' ? 4 : 8;
      const digits = this.take(new RegExp(`^[0-9A-Fa-f]{${length}}`), length);
      if (digits !== undefined) return this.codePoint(parseInt(digits, 16));
      if (this.dialect === 'javascript') return 0x75;
      throw this.invalid(`\\${character} without ${length} digits`);
    }
    if (character === 'c' && this.dialect === 'javascript') {
      if (/[A-Za-z]/.test(this.peek() ?? '')) return this.next().charCodeAt(0) & 31;
      this.place -= 1;
      return 0x5c;
    }
    if (/[0-7]/.test(character)) {
      const more = this.take(/^[0-7]{1,2}/, 2) ?? '';
      let digits = character + more;
      if (parseInt(digits, 8) > 0xff) {
        if (this.dialect !== 'javascript') throw this.unsupported(`the octal number \\${digits}`);
        digits = digits.slice(0, 2);
        this.place -= 1;
      }
      if (this.dialect === 'oniguruma' && parseInt(digits, 8) > 0x7f) throw this.unsupported(`the byte \\${digits}`);
      return parseInt(digits, 8);
    }
    if (/[A-Za-z0-9]/.test(character)) {
      if (this.dialect === 'python') throw this.invalid(`the escape \\${character}`);
      if (this.dialect === 'oniguruma' && /[cCM]/.test(character)) throw this.unsupported(`the escape \\${character}`);
    }
    return character.codePointAt(0)!;
  }

  protected codePoint(code: number): number {
    if (code > 0x10ffff || (this.dialect !== 'javascript' && code >= 0xd800 && code <= 0xdfff))
      throw this.invalid(`the character ${code.toString(16)}`);
    return code;
  }
}

const control: Record<string, number> = { t: 9, n: 10, v: 11, f: 12, r: 13 };

const notLineTerminator = union(['[^\\n\\r\\u{2028}\\u{2029}]']);
const asciiWord = union(['0-9A-Za-z_']);
const pythonWord = union(['\\p{L}\\p{N}_']);
// Oniguruma counts six Latin-1 fractions and superscripts as word characters, but not inside brackets.
const unicodeWord = union([posixClasses['word']!, '\u{b2}\u{b3}\u{b9}\u{bc}-\u{be}']);
const unicodeWordInClass = union([posixClasses['word']!]);
const asciiDigit = union(['0-9']);
const unicodeDigit = union(['\\p{Nd}']);
const asciiSpace = union([' \\t\\n\\r\\f\\v']);
const javascriptSpace = union(['\\s']);
const unicodeSpace = union(['\\p{White_Space}']);
const pythonSpace = union(['\\p{White_Space}\\u{1c}-\\u{1f}']);
