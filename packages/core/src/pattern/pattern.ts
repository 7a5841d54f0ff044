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
  source: string;
  /** Syntax and semantics to use. */
  dialect: PatternDialect;
  /** Match case-insensitively. Default false. */
  ignoreCase?: boolean;
}

/** Paths times positions that JavaScript's engine may try on one text: well under a second. */
const nativeSteps = 20_000_000;

/**
 * A regular expression that cannot hang the process: all methods throw `pattern-too-slow` instead of running for long.
 */
export class Pattern {
  readonly source: string;
  readonly dialect: PatternDialect;
  readonly #tree: PatternNode;
  readonly #native: RegExp | undefined;
  /** Longer texts are matched by the memoizing `Matcher`. */
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
    // Compile now, so that expressions that are too large are rejected early.
    if (length < Infinity) this.#compiled();
  }

  /** Whether the pattern matches anywhere in the text. */
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

  /** Whether the pattern matches the whole text, like Python's `fullmatch`. */
  matchesWhole(text: string): boolean {
    return this.#matcher(text, true).run(0, false) >= 0;
  }

  /**
   * Start and end of every match in turn, as UTF-16 offsets: leftmost first, non-overlapping, and without empty matches
   * directly after another match (the rule of Rust's onig crate, which tokenizers follow).
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
        // V8 also matches between the halves of a surrogate pair.
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
 * Compiles a regular expression from an untrusted source, such as a model folder, with the semantics of its dialect.
 * Matching time is at most linear in the length of the text times the size of the expression.
 *
 * Back-references, recursion, conditions, `\G`, `\K` and `\X` are not supported; the error names them.
 *
 * @throws PatternError `invalid-pattern`, `unsupported-pattern`, `pattern-too-large`
 */
export function compilePattern(options: CompilePatternOptions): Pattern {
  return new Pattern(options);
}
