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
  | 'not-a-number';

/** A request that a model cannot fulfil: says what, where and what to do. */
export class ModelError extends Error {
  override readonly name = 'ModelError';
  readonly code: ModelErrorCode;

  constructor({ code, message, cause }: { code: ModelErrorCode; message: string; cause?: unknown }) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
