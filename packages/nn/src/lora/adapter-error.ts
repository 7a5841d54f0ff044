import { SubtextError } from '@subtext/core';

/** Error codes of adapter operations. */
export type AdapterErrorCode =
  | 'invalid-option'
  /** No layer has that name. */
  | 'unknown-layer'
  /** The model already has an adapter. */
  | 'adapter-in-place'
  /** The model has no adapter. */
  | 'no-adapter'
  /** The adapter does not fit the model. */
  | 'invalid-adapter';

/** Thrown by adapter operations. */
export class AdapterError extends SubtextError<AdapterErrorCode> {
  override readonly name = 'AdapterError';

  static override isInstance(error: unknown): error is AdapterError {
    return SubtextError.isInstance(error) && error.name === 'AdapterError';
  }
}
