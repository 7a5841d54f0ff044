import { SubtextError } from '@subtext/core';

/** What went wrong, for programs; the message is for people. */
export type DecoderErrorCode =
  | 'invalid-option'
  | 'empty-set'
  | 'length-mismatch'
  /** The interpreter does not explain that stage, or the drawer does not draw it. */
  | 'unknown-stage'
  /** Thoughts of another width than the interpreter or drawer was made for. */
  | 'width-mismatch'
  /** A folder that holds no interpreter, or one that this version can't read. */
  | 'not-an-interpreter'
  /** A folder that holds no drawer, or one that this version can't read. */
  | 'not-a-drawer'
  /** The reasoner is not of the kind that is to be looked into. */
  | 'unsuitable-reasoner'
  /** An example lacks what is measured on it, such as a graph. */
  | 'invalid-task-data';

/** The error of this package: says what, where and what to do. */
export class DecoderError extends SubtextError<DecoderErrorCode> {
  override readonly name = 'DecoderError';

  /** True for this package's errors, also when two copies of the package are installed. */
  static override isInstance(error: unknown): error is DecoderError {
    return SubtextError.isInstance(error) && error.name === 'DecoderError';
  }
}
