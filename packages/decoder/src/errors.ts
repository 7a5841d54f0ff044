import { SubtextError } from '@subtext/core';

/** What went wrong, for programs; the message is for people. */
export type DecoderErrorCode = 'invalid-option' | 'unknown-stage' | 'width-mismatch' | 'not-an-interpreter';

/** The error of this package: what, where and what to do. */
export class DecoderError extends SubtextError<DecoderErrorCode> {
  override readonly name = 'DecoderError';

  /** True for this package's errors, also when two copies of the package are installed. */
  static override isInstance(error: unknown): error is DecoderError {
    return SubtextError.isInstance(error) && error.name === 'DecoderError';
  }
}
