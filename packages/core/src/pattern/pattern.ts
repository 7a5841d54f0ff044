import { insidePair, Matcher } from './matcher';
import { Budget } from './matcher-budget';
import { costOf, isNative, nativeSource } from './native-source';
import { parsePattern } from './parse-pattern';
import type { PatternDialect } from './pattern-reader';
import { publishedPatterns } from './published-patterns';
import { compileProgram, type Program } from './program';
import type { PatternNode } from './syntax-tree';

/** Options of {@link compilePattern}. */
export interface CompilePatternOptions {
  /** The expression. */
  source: string;
  /** Whose rules it follows. */
  dialect: PatternDialect;
  /** Letters match whatever their case. Default false. */
  ignoreCase?: boolean;
}

/** Ways times places that JavaScript's engine may try on one text, which takes it well under a second. */
const nativeSteps = 20_000_000;

/**
 * A regular expression that cannot hang its process. All methods throw `pattern-too-slow` rather than go on for long.
 */
export class Pattern {
  readonly source: string;
  readonly dialect: PatternDialect;
  readonly #tree: PatternNode;
  readonly #native: RegExp | undefined;
  /** Longer texts go to the engine that remembers. */
  readonly #nativeLength: number;
  #program: Program | undefined;

  /** Use {@link compilePattern}. */
  constructor({ source, dialect, ignoreCase = false }: CompilePatternOptions) {
    this.source = source;
    this.dialect = dialect;
    this.#tree = parsePattern(source, dialect, ignoreCase);
    let length = -1;
    if (dialect !== 'javascript' && isNative(this.#tree)) {
      const { factor, power } = costOf(this.#tree);
      length = Math.floor((nativeSteps / factor) ** (1 / (power + 1)));
      if (dialect === 'oniguruma' && publishedPatterns.has(source)) length = Infinity;
    }
    this.#nativeLength = length;
    this.#native = length > 0 ? new RegExp(nativeSource(this.#tree), 'gv') : undefined;
    // Expressions that are too large are refused at once.
    if (length < Infinity) this.#compiled();
  }

  /** Whether a part of the text matches. */
  test(text: string): boolean {
    if (this.#native !== undefined && text.length <= this.#nativeLength) {
      for (let from = 0; from <= text.length;) {
        this.#native.lastIndex = from;
        const match = this.#native.exec(text);
        if (match === null) return false;
        if (!insidePair(text, match.index)) return true;
        from = match.index + 1;
      }
      return false;
    }
    return this.#matcher(text, false).search(0) !== undefined;
  }

  /** Whether the text, all of it, matches: Python's `fullmatch`. */
  matchesWhole(text: string): boolean {
    return this.#matcher(text, true).run(0, false) >= 0;
  }

  /**
   * Where the parts of a text match, as starts and ends in turn, in UTF-16 units: leftmost first, none overlapping, and
   * no empty one right behind another (the rule of Rust's onig, which tokenizers follow).
   */
  spans(text: string): number[] {
    const native = this.#native !== undefined && text.length <= this.#nativeLength ? this.#native : undefined;
    const spans: number[] = [];
    if (native !== undefined) {
      let from = 0;
      let lastEnd = -1;
      while (from <= text.length) {
        native.lastIndex = from;
        const match = native.exec(text);
        if (match === null) break;
        const start = match.index;
        // V8 looks between the halves of a pair too.
        if (insidePair(text, start)) {
          from = start + 1;
          continue;
        }
        const end = start + match[0].length;
        if (start === end && end === lastEnd) {
          from += stepAt(text, from);
          continue;
        }
        spans.push(start, end);
        from = end;
        lastEnd = end;
      }
      return spans;
    }
    const matcher = this.#matcher(text, false);
    let from = 0;
    let lastEnd = -1;
    while (from <= text.length) {
      const match = matcher.search(from);
      if (match === undefined) break;
      if (match.start === match.end && match.end === lastEnd) {
        from += stepAt(text, from);
        continue;
      }
      spans.push(match.start, match.end);
      from = match.end;
      lastEnd = match.end;
    }
    return spans;
  }

  #matcher(text: string, whole: boolean): Matcher {
    return new Matcher({
      program: this.#compiled(),
      text,
      budget: new Budget(this.source),
      whole,
      byUnits: this.dialect === 'javascript',
    });
  }

  #compiled(): Program {
    return (this.#program ??= compileProgram(this.#tree, this.dialect === 'javascript'));
  }
}

function stepAt(text: string, place: number): number {
  return (text.codePointAt(place) ?? 0) > 0xffff ? 2 : 1;
}

/**
 * Reads a regular expression that may be hostile, such as one from a model's folder, and runs it by the rules of its
 * dialect in a time that grows with the text's length (times the expression's), never more.
 *
 * Parts that are not followed here (back-references, recursion, conditions, `\G`, `\K`, `\X`) are refused by name.
 *
 * @throws PatternError `invalid-pattern`, `unsupported-pattern`, `pattern-too-large`
 */
export function compilePattern(options: CompilePatternOptions): Pattern {
  return new Pattern(options);
}
