/** What went wrong, for programs; the message is for people. */
export type DecoderErrorCode = 'INVALID_OPTION' | 'UNKNOWN_STAGE' | 'WIDTH_MISMATCH' | 'NOT_AN_INTERPRETER';

const marker = Symbol.for('subtext.decoder.error');

/** The error of this package. `DecoderError.isInstance` also works across duplicate installs. */
export class DecoderError extends Error {
  override readonly name = 'DecoderError';
  readonly code: DecoderErrorCode;
  readonly [marker] = true;

  constructor({ code, message, cause }: { code: DecoderErrorCode; message: string; cause?: unknown }) {
    super(message, { cause });
    this.code = code;
  }

  static isInstance(error: unknown): error is DecoderError {
    return typeof error === 'object' && error !== null && marker in error;
  }
}
