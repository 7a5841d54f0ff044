import { SubtextError } from '@subtext/core';

/** What can be wrong with a request about an adapter. */
export type AdapterErrorCode =
  | 'invalid-option'
  /** No layer has that name. */
  | 'unknown-layer'
  /** The model has an adapter already. */
  | 'adapter-in-place'
  /** The model has none. */
  | 'no-adapter'
  /** The adapter does not fit the model. */
  | 'invalid-adapter';

/** A request about an adapter that can't be fulfilled: says what, where and what to do. */
export class AdapterError extends SubtextError<AdapterErrorCode> {
  override readonly name = 'AdapterError';

  static override isInstance(error: unknown): error is AdapterError {
    return SubtextError.isInstance(error) && error.name === 'AdapterError';
  }
}
