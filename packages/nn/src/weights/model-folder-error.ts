import { SubtextError } from '@subtext/core';

/** What can be wrong with a model folder. */
export type ModelFolderErrorCode =
  /** A file that the folder must have is not there. */
  | 'not-found'
  /** The operating system refused. */
  | 'input-output'
  | 'invalid-config'
  | 'unsupported-config'
  | 'unsupported-model-type'
  | 'missing-tensor'
  | 'unexpected-tensor'
  | 'shape-mismatch'
  | 'unsupported-dtype'
  | 'does-not-fit';

/** A model folder that cannot be read as it stands: says which file, what is wrong and what to do. */
export class ModelFolderError extends SubtextError<ModelFolderErrorCode> {
  override readonly name = 'ModelFolderError';
  /** The folder or file that was being read. */
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
