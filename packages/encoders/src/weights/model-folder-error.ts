/** What can be wrong with a model folder. */
export type ModelFolderErrorCode =
  | 'missing-file'
  | 'invalid-config'
  | 'unsupported-config'
  | 'unsupported-model-type'
  | 'missing-tensor'
  | 'unexpected-tensor'
  | 'shape-mismatch'
  | 'unsupported-dtype'
  | 'does-not-fit';

/** A model folder that cannot be read as it stands: says which file, what is wrong and what to do. */
export class ModelFolderError extends Error {
  override readonly name = 'ModelFolderError';
  readonly code: ModelFolderErrorCode;
  /** The folder or file that was being read. */
  readonly path: string;

  constructor({ code, path, message, cause }: { code: ModelFolderErrorCode; path: string; message: string; cause?: unknown }) {
    super(`${path}: ${message}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.path = path;
  }
}
