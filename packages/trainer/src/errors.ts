import { SubtextError } from '@subtext/core';

/** What went wrong, for programs; the message is for people. */
export type TrainerErrorCode =
  | 'unknown-method'
  | 'invalid-option'
  /** No answer of a step could be rewarded. */
  | 'reward-failed'
  | 'example-too-long'
  | 'missing-stage'
  | 'empty-set'
  | 'not-finite'
  | 'out-of-memory'
  | 'worker-failed'
  | 'invalid-checkpoint'
  | 'checkpoint-mismatch'
  | 'locked'
  | 'not-a-run-folder'
  | 'run-exists'
  | 'does-not-fit'
  | 'write-failed'
  | 'not-a-reasoner'
  /** Processes that were started together would not compute the same. */
  | 'ranks-differ';

/** The error of this package: what, where and what to do. */
export class TrainerError extends SubtextError<TrainerErrorCode> {
  override readonly name = 'TrainerError';

  /** True for this package's errors, also when two copies of the package are installed. */
  static override isInstance(error: unknown): error is TrainerError {
    return SubtextError.isInstance(error) && error.name === 'TrainerError';
  }
}
