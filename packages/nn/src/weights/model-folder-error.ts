import { SubtextError } from '@subtext/core';

/** Error codes for model folders. */
export type ModelFolderErrorCode =
  /** A required file is missing. */
  | 'not-found'
  /** The operating system returned an error. */
  | 'input-output'
  | 'invalid-config'
  | 'unsupported-config'
  | 'unsupported-model-type'
  | 'missing-tensor'
  | 'unexpected-tensor'
  | 'shape-mismatch'
  | 'unsupported-dtype'
  | 'does-not-fit';

/** Thrown for a model folder that cannot be read; says which file, what is wrong and how to fix it. */
export class ModelFolderError extends SubtextError<ModelFolderErrorCode> {
  override readonly name = 'ModelFolderError';
  /** The folder or file being read. */
  readonly path: string;

  constructor({
    code,
    path,
    message,
    cause,
  }: {
    code: ModelFolderErrorCode;
    path: string;
    message: string;
    cause?: unknown;
  }) {
    super({ code, message: `${path}: ${message}`, cause });
    this.path = path;
  }

  static override isInstance(error: unknown): error is ModelFolderError {
    return SubtextError.isInstance(error) && error.name === 'ModelFolderError';
  }
}
