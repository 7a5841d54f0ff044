/** What went wrong, for programs. */
export type EvaluationErrorCode =
  | 'INVALID_ARGUMENT'
  | 'EMPTY_SET'
  | 'LENGTH_MISMATCH'
  | 'UNPAIRED_SAMPLES'
  | 'INVALID_IMAGE'
  | 'INVALID_RESULT_FILE'
  | 'UNKNOWN_TASK'
  | 'INVALID_TASK_DATA'
  | 'TASK_MODEL_MISMATCH'
  | 'JUDGE_MISSING'
  | 'JUDGE_FAILED';

const marker = Symbol.for('subtext.eval.error');

/** Every error this package throws on purpose: what, where and what to do, with a code for programs. */
export class EvaluationError extends Error {
  override readonly name = 'EvaluationError';
  readonly code: EvaluationErrorCode;
  readonly [marker] = true;

  constructor({ code, message, cause }: { code: EvaluationErrorCode; message: string; cause?: unknown }) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }

  /** True for this package's errors, also when two copies of the package are installed. */
  static isInstance(value: unknown): value is EvaluationError {
    return typeof value === 'object' && value !== null && marker in value;
  }
}
