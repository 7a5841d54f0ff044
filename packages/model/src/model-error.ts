import { SubtextError } from '@subtext/core';

/** What can be wrong with a request to a model. */
export type ModelErrorCode =
  | 'too-many-positions'
  | 'invalid-token-id'
  | 'invalid-option'
  | 'invalid-images'
  | 'images-do-not-match'
  | 'unknown-layer'
  | 'adapter-in-place'
  | 'no-adapter'
  | 'invalid-adapter'
  | 'not-a-number'
  | 'rotation-changes';

/** A request that a model cannot fulfil: says what, where and what to do. */
export class ModelError extends SubtextError<ModelErrorCode> {
  override readonly name = 'ModelError';

  static override isInstance(error: unknown): error is ModelError {
    return SubtextError.isInstance(error) && error.name === 'ModelError';
  }
}
