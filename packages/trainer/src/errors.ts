/** What went wrong, for programs; the message is for people. */
export type TrainerErrorCode =
  | 'UNKNOWN_METHOD'
  | 'INVALID_OPTION'
  | 'EXAMPLE_TOO_LONG'
  | 'MISSING_STAGE'
  | 'NO_EXAMPLES'
  | 'NOT_FINITE'
  | 'OUT_OF_MEMORY'
  | 'WORKER_FAILED'
  | 'CHECKPOINT_BROKEN'
  | 'CHECKPOINT_MISMATCH'
  | 'FOLDER_LOCKED'
  | 'FOLDER_NOT_A_RUN'
  | 'RUN_EXISTS'
  | 'DOES_NOT_FIT'
  | 'WRITE_FAILED'
  | 'NOT_A_REASONER';

const marker = Symbol.for('subtext.trainer.error');

/** The error of this package. `TrainerError.isInstance` also works across duplicate installs. */
export class TrainerError extends Error {
  override readonly name = 'TrainerError';
  readonly code: TrainerErrorCode;
  readonly [marker] = true;

  constructor({ code, message, cause }: { code: TrainerErrorCode; message: string; cause?: unknown }) {
    super(message, { cause });
    this.code = code;
  }

  static isInstance(error: unknown): error is TrainerError {
    return typeof error === 'object' && error !== null && marker in error;
  }
}
