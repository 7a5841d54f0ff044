const marker = Symbol.for('subtext.error');

/** What every error of Subtext is made from. */
export interface SubtextErrorOptions<Code extends string = string> {
  /** What went wrong, for programs: kebab-case, one code for each meaning. */
  code: Code;
  /** The same for people: what, where, and what to do. */
  message: string;
  /** The error behind it, where there is one. Default none. */
  cause?: unknown;
}

/** The base of every error that Subtext throws on purpose. */
export class SubtextError<Code extends string = string> extends Error {
  override readonly name: string = 'SubtextError';
  readonly code: Code;
  readonly [marker] = true;

  constructor({ code, message, cause }: SubtextErrorOptions<Code>) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }

  /** True for errors of this class, and of those derived from it, from any copy of the package. */
  static isInstance(error: unknown): error is SubtextError {
    return typeof error === 'object' && error !== null && (error as Record<symbol, unknown>)[marker] === true;
  }
}
