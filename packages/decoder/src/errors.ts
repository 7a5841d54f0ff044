import { SubtextError } from '@subtext/core';

/** Machine-readable error codes. */
export type DecoderErrorCode =
  | 'invalid-option'
  | 'empty-set'
  | 'length-mismatch'
  /** The interpreter or drawer does not support that stage. */
  | 'unknown-stage'
  /** Thoughts have a different width than the interpreter or drawer expects. */
  | 'width-mismatch'
  /** The folder has no interpreter, or one that this version cannot read. */
  | 'not-an-interpreter'
  /** The folder has no drawer, or one that this version cannot read. */
  | 'not-a-drawer'
  /** The reasoner's method or model is not supported here. */
  | 'unsuitable-reasoner'
  /** An example lacks required data, such as a graph. */
  | 'invalid-task-data';

/** Base error of this package. */
export class DecoderError extends SubtextError<DecoderErrorCode> {
  override readonly name = 'DecoderError';

  /** True for this package's errors, also when two copies of the package are installed. */
  static override isInstance(error: unknown): error is DecoderError {
    return SubtextError.isInstance(error) && error.name === 'DecoderError';
  }
}
