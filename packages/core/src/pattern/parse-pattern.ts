import { anything, type CharacterSet, lineFeed, union } from './character-set';
import { PatternError } from './pattern-error';
import type { PatternDialect } from './pattern-reader';
import { QuantifierReader } from './quantifier-reader';
import { empty, type PatternNode, widthOf } from './syntax-tree';
import {
  asOne,
  beforeLastLineFeed,
  boundary,
  lineEnd,
  lineStart,
  notEmptyText,
  notLineFeed,
  textEnd,
  textStart,
} from './text-places';

/** Maximum group nesting; deeper nesting would overflow the stack. */
const deepest = 100;
/** Maximum length of an expression, in characters. */
const longest = 20_000;
/**
 * Parses a regular expression.
 *
 * @throws PatternError `invalid-pattern`, `unsupported-pattern`, `pattern-too-large`
 */
export function parsePattern(source: string, dialect: PatternDialect, ignoreCase: boolean): PatternNode {
  if (source.length > longest) {
    throw new PatternError({
      code: 'pattern-too-large',
      message: `the regular expression has ${source.length} characters; the limit is ${longest}`,
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

class PatternParser extends QuantifierReader {
  #depth = 0;

  /** Look-behinds and word boundaries so far: inside a look-behind, Oniguruma treats them differently. */
  #lookBehinds = 0;

  parse(ignoreCase: boolean): PatternNode {
    this.flags.ignoreCase = ignoreCase;
    if (this.dialect === 'python') this.#globalFlags();
    const node = this.#choice();
    if (this.place < this.characters.length) throw this.invalid('an unmatched )');
    return node;
  }

  /** Python's `(?i)` is allowed only at the start and applies to the whole expression. */
  #globalFlags(): void {
    for (;;) {
      const match = /^\(\?([a-zA-Z]+)\)/.exec(this.characters.slice(this.place, this.place + 16).join(''));
      if (match === null) return;
      this.setFlags(match[1]!, true);
      this.place += match[0].length;
    }
  }

  #choice(): PatternNode {
    this.#depth += 1;
    if (this.#depth > deepest)
      throw new PatternError({
        code: 'pattern-too-large',
        message: `the regular expression nests groups deeper than ${deepest} levels`,
      });
    const outer = { ...this.flags };
    const options = [this.#sequence()];
    while (this.peek() === '|') {
      this.place += 1;
      options.push(this.#sequence());
    }
    this.flags = outer;
    this.#depth -= 1;
    return options.length === 1 ? options[0]! : { type: 'choice', options };
  }

  #sequence(): PatternNode {
    const items: PatternNode[] = [];
    let literals = '';
    for (;;) {
      const character = this.peek();
      if (character === undefined || character === '|' || character === ')') break;
      if (this.flags.extended && this.skipExtended()) continue;
      if (this.dialect === 'oniguruma' && this.flags.ignoreCase) {
        literals = /^[\p{L}\p{M}\p{Sk}]$/u.test(character) ? literals + character : '';
        this.refuseFoldingSequences(literals);
      }
      const optionsFollow = this.#bareFlags();
      if (optionsFollow) {
        // Oniguruma: the rest of the group, including its alternatives, becomes one group with these flags.
        items.push(this.#choice());
        break;
      }
      const start = this.place;
      const atom = this.#atom();
      if (atom === undefined) continue;
      const anchor =
        this.dialect === 'python' && /^(?:[$^]|\\[AbBZ])/.test(this.characters.slice(start, start + 2).join(''));
      items.push(this.quantified(atom, anchor));
    }
    return items.length === 1 ? items[0]! : items.length === 0 ? empty : { type: 'sequence', items };
  }

  /** `(?i)` inside an expression: in Oniguruma it applies to the end of the group. */
  #bareFlags(): boolean {
    if (this.dialect !== 'oniguruma' || this.peek() !== '(' || this.peek(1) !== '?') return false;
    const match = /^\(\?([a-zA-Z]*)(?:-([a-zA-Z]*))?\)/.exec(
      this.characters.slice(this.place, this.place + 24).join(''),
    );
    if (match === null) return false;
    this.place += match[0].length;
    this.setFlags(match[1]!, true);
    this.setFlags(match[2] ?? '', false);
    return true;
  }

  /** Reads one item that a quantifier may follow; undefined for a comment. */
  #atom(): PatternNode | undefined {
    const character = this.next();
    switch (character) {
      case '(':
        return this.#group();
      case '[':
        return set(this.class());
      case '.':
        return set(this.dot());
      case '^':
        return this.dialect === 'oniguruma' ? lineStart(true) : this.flags.multiline ? lineStart(false) : textStart;
      case '$':
        if (this.dialect === 'oniguruma' || this.flags.multiline) return lineEnd;
        return this.dialect === 'python' ? beforeLastLineFeed : textEnd;
      case '\\':
        return this.#escape();
      case '*':
      case '+':
      case '?':
        throw this.invalid(`${character} has nothing to repeat`);
      default:
        return this.#literal(character.codePointAt(0)!);
    }
  }

  #literal(code: number): PatternNode {
    return set(this.characterSet(code));
  }

  #group(): PatternNode | undefined {
    if (this.peek() !== '?') {
      if (this.peek() === '*') throw this.unsupported('a group that begins with (*');
      return asOne(this.#close(this.#choice()));
    }
    this.place += 1;
    const character = this.next();
    switch (character) {
      case ':':
        return this.#close(this.#choice());
      case '=':
      case '!':
        return this.#look(false, character === '!');
      case '>':
        if (this.dialect === 'javascript') break;
        return { type: 'atomic', body: this.#close(this.#choice()) };
      case '#':
        while (this.next() !== ')');
        return undefined;
      case '<': {
        const following = this.peek();
        if (following === '=' || following === '!') {
          this.place += 1;
          return this.#look(true, following === '!');
        }
        if (this.dialect === 'python') break;
        return this.#named('>');
      }
      case "'":
        if (this.dialect === 'oniguruma') return this.#named("'");
        break;
      case 'P':
        if (this.dialect === 'python' && this.peek() === '<') {
          this.place += 1;
          return this.#named('>');
        }
        break;
      default: {
        const flags = /^([a-zA-Z]*)(?:-([a-zA-Z]+))?:/.exec(
          this.characters.slice(this.place - 1, this.place + 24).join(''),
        );
        if (flags === null || this.dialect === 'javascript') break;
        this.place += flags[0].length - 1;
        const outer = { ...this.flags };
        this.setFlags(flags[1]!, true);
        this.setFlags(flags[2] ?? '', false);
        const body = this.#close(this.#choice());
        this.flags = outer;
        return asOne(body);
      }
    }
    throw this.unsupported(`a group that begins with (?${character}`);
  }

  #named(closing: string): PatternNode {
    let name = '';
    for (let character = this.next(); character !== closing; character = this.next()) name += character;
    if (!/^[\p{L}_][\p{L}\p{N}_]*$/u.test(name)) throw this.invalid(`a group named ${JSON.stringify(name)}`);
    return asOne(this.#close(this.#choice()));
  }

  #close(node: PatternNode): PatternNode {
    if (this.peek() !== ')') throw this.invalid('an unclosed (');
    this.place += 1;
    return node;
  }

  #look(behind: boolean, negative: boolean): PatternNode {
    const outside = this.#lookBehinds;
    this.#lookBehinds = 0;
    const body = this.#close(this.#choice());
    const inside = this.#lookBehinds;
    this.#lookBehinds = outside + inside + (behind ? 1 : 0);
    if (behind) {
      if (this.dialect === 'python') {
        const { minimum, maximum } = widthOf(body);
        if (minimum !== maximum) throw this.invalid('a look-behind without a fixed width');
      }
      if (this.dialect === 'oniguruma' && inside > 0) throw this.unsupported('a look-behind or \\b in a look-behind');
      if (hasAtomic(body)) throw this.unsupported('an atomic group or a possessive quantifier in a look-behind');
    }
    return body.type === 'set'
      ? { type: 'edge', set: body.set, behind, negative }
      : { type: 'look', body, behind, negative };
  }

  #escape(): PatternNode {
    const character = this.peek();
    if (character === undefined) throw this.invalid('a \\ at the end');
    switch (character) {
      case 'b':
      case 'B': {
        this.place += 1;
        if (this.dialect === 'oniguruma' && this.peek() === '{') throw this.unsupported(`\\${character}{`);
        // Python before 3.14: \B never matches the empty string.
        if (character === 'B' && this.dialect === 'python')
          return { type: 'sequence', items: [notEmptyText, boundary(this.wordSet(), true)] };
        this.#lookBehinds += 1;
        return boundary(this.wordSet(), character === 'B');
      }
      case 'A':
        if (this.dialect === 'javascript') break;
        this.place += 1;
        return textStart;
      case 'Z':
        if (this.dialect === 'javascript') break;
        this.place += 1;
        return this.dialect === 'python' ? textEnd : beforeLastLineFeed;
      case 'z':
        if (this.dialect !== 'oniguruma') break;
        this.place += 1;
        return textEnd;
      case 'R':
        if (this.dialect !== 'oniguruma') break;
        this.place += 1;
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
        if (this.dialect !== 'oniguruma') break;
        this.place += 1;
        return set(notLineFeed);
      case 'O':
        if (this.dialect !== 'oniguruma') break;
        this.place += 1;
        return set(anything);
      case 'G':
      case 'K':
      case 'X':
      case 'y':
      case 'Y':
      case 'g':
        if (this.dialect !== 'oniguruma') break;
        throw this.unsupported(`\\${character}`);
      case 'k':
        if (this.dialect === 'javascript' && !/\(\?<[^=!]/.test(this.source)) break;
        if (this.dialect === 'python') break;
        throw this.unsupported('a back-reference');
      default:
        if (/[1-9]/.test(character)) this.#refuseBackReference();
    }
    const shorthand = this.shorthand(false);
    if (shorthand !== undefined) return set(shorthand);
    return this.#literal(this.escapedCode(false));
  }

  #refuseBackReference(): void {
    const digits = /^\d+/.exec(this.characters.slice(this.place, this.place + 8).join(''))![0];
    if (this.dialect === 'javascript') {
      // Annex B: a number without a matching group is an octal escape.
      const groups = (this.source.replace(/\\.|\[(?:\\.|[^\]\\])*\]/gs, '').match(/\((?!\?)|\(\?<(?![=!])/g) ?? [])
        .length;
      if (Number(digits) > groups) return;
    }
    throw this.unsupported(`the back-reference \\${digits}`);
  }
}

function set(characters: CharacterSet): PatternNode {
  return { type: 'set', set: characters };
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
