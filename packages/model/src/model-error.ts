import { SubtextError } from '@subtext/core';

/** Error codes of model operations. */
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

/** Thrown by model operations. */
export class ModelError extends SubtextError<ModelErrorCode> {
  override readonly name = 'ModelError';

  static override isInstance(error: unknown): error is ModelError {
    return SubtextError.isInstance(error) && error.name === 'ModelError';
  }
}
