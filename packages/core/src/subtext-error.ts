const marker = Symbol.for('subtext.error');

/** Options of {@link SubtextError}. */
export interface SubtextErrorOptions<Code extends string = string> {
  /** Machine-readable code in kebab-case, one per meaning. */
  code: Code;
  /** What went wrong, where, and what to do about it. */
  message: string;
  /** The underlying error. Default none. */
  cause?: unknown;
}

/** Base class of all Subtext errors. */
export class SubtextError<Code extends string = string> extends Error {
  override readonly name: string = 'SubtextError';
  readonly code: Code;
  readonly [marker] = true;

  constructor({ code, message, cause }: SubtextErrorOptions<Code>) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }

  /** True for errors of this class and its subclasses, from any copy of the package. */
  static isInstance(error: unknown): error is SubtextError {
    return typeof error === 'object' && error !== null && (error as Record<symbol, unknown>)[marker] === true;
  }
}
