import { foldingSequences, setWithoutCase } from './case-folding';
import { type CharacterSet, classCharacter, intersection, union } from './character-set';
import { CharacterReader } from './character-reader';
import { PatternError } from './pattern-error';
import { posixClasses } from './properties';

/** Reads character classes in square brackets. */
export class ClassReader extends CharacterReader {
  /** Reads a class, after the opening bracket. */
  protected class(): CharacterSet {
    const { set: positive, negative } = this.classItems(0);
    let found = positive;
    if (this.flags.ignoreCase) {
      if (this.dialect === 'oniguruma' && !negative) {
        for (const [sequence, code] of foldingSequences()) {
          if (positive.has(code))
            throw this.unsupported(
              `a case-insensitive class with ${String.fromCodePoint(code)}, which also matches ${JSON.stringify(sequence)}`,
            );
        }
      }
      found = setWithoutCase(found, {
        turkish: this.dialect === 'python',
        ascii: this.flags.ascii || this.dialect === 'javascript',
      });
    }
    return negative ? found.negated() : found;
  }

  protected classItems(level: number): { set: CharacterSet; negative: boolean } {
    if (level > 20)
      throw new PatternError({
        code: 'pattern-too-large',
        message: 'the regular expression nests classes deeper than 20 levels',
      });
    let negative = false;
    if (this.peek() === '^') {
      negative = true;
      this.place += 1;
    }
    const parts: CharacterSet[] = [];
    let sources: string[] = [];
    const start = this.place;
    for (;;) {
      const character = this.peek();
      if (character === undefined) throw this.invalid('an unclosed [');
      if (character === ']' && (this.place > start || this.dialect === 'javascript')) {
        this.place += 1;
        break;
      }
      if (character === '[' && this.dialect === 'oniguruma') {
        const posix = this.take(/^\[:\^?[a-zA-Z]{1,20}:\]/, 30);
        if (posix !== undefined) {
          const name = posix.slice(2, -2).replace('^', '');
          if (!Object.hasOwn(posixClasses, name)) throw this.unsupported(`the class ${posix}`);
          sources.push(posix[2] === '^' ? `[^${posixClasses[name]!}]` : posixClasses[name]!);
          continue;
        }
        this.place += 1;
        const inner = this.classItems(level + 1);
        sources.push((inner.negative ? inner.set.negated() : inner.set).source);
        continue;
      }
      if (character === '&' && this.peek(1) === '&' && this.dialect === 'oniguruma') {
        this.place += 2;
        parts.push(union(sources));
        sources = [];
        continue;
      }
      const first = this.classAtom();
      if (this.peek() !== '-' || this.peek(1) === ']' || this.peek(1) === undefined) {
        sources.push(typeof first === 'number' ? classCharacter(first) : first.source);
        continue;
      }
      if (this.dialect === 'oniguruma' && (this.peek(1) === '[' || (this.peek(1) === '&' && this.peek(2) === '&'))) {
        sources.push(typeof first === 'number' ? classCharacter(first) : first.source, classCharacter(0x2d));
        this.place += 1;
        continue;
      }
      this.place += 1;
      const last = this.classAtom();
      if (typeof first === 'number' && typeof last === 'number') {
        if (last < first) throw this.invalid(`the range ${String.fromCodePoint(first)}-${String.fromCodePoint(last)}`);
        sources.push(`${classCharacter(first)}-${classCharacter(last)}`);
      } else {
        // JavaScript (Annex B) and Oniguruma read a - next to a shorthand class literally; Python rejects it.
        if (this.dialect === 'python') throw this.invalid('a range of classes');
        for (const part of [first, last]) sources.push(typeof part === 'number' ? classCharacter(part) : part.source);
        sources.push(classCharacter(0x2d));
      }
    }
    parts.push(union(sources));
    return { set: intersection(parts), negative };
  }

  protected classAtom(): number | CharacterSet {
    const character = this.next();
    if (character !== '\\') return character.codePointAt(0)!;
    if (this.peek() === undefined) throw this.invalid('a \\ at the end');
    if (this.dialect === 'oniguruma' && /[RXKGO]/.test(this.peek()!))
      throw this.unsupported(`\\${this.peek()} in a class`);
    if (/[1-9]/.test(this.peek()!) && this.dialect === 'python') throw this.invalid(`the escape \\${this.peek()}`);
    return this.shorthand(true) ?? this.escapedCode(true);
  }
}
