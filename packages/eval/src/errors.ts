import { SubtextError } from '@subtext/core';

/** What went wrong, for programs. */
export type EvaluationErrorCode =
  | 'invalid-option'
  | 'empty-set'
  | 'length-mismatch'
  | 'unpaired-samples'
  | 'invalid-image'
  | 'invalid-result-file'
  | 'unknown-task'
  | 'invalid-task-data'
  | 'task-model-mismatch'
  | 'judge-missing'
  | 'judge-failed'
  /** Shards of an evaluation have not answered everything yet. */
  | 'incomplete';

/** Every error this package throws on purpose: what, where and what to do, with a code for programs. */
export class EvaluationError extends SubtextError<EvaluationErrorCode> {
  override readonly name = 'EvaluationError';

  /** True for this package's errors, also when two copies of the package are installed. */
  static override isInstance(value: unknown): value is EvaluationError {
    return SubtextError.isInstance(value) && value.name === 'EvaluationError';
  }
}
