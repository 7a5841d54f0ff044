import { SubtextError } from '../subtext-error';

/** Why a regular expression was rejected or stopped. */
export type PatternErrorCode =
  /** Not valid in its dialect. */
  | 'invalid-pattern'
  /** Uses a feature that is not supported: back-references, recursion, conditions. */
  | 'unsupported-pattern'
  /** Larger than any expression that a model needs. */
  | 'pattern-too-large'
  /** Matching this text would exceed the step limit. */
  | 'pattern-too-slow';

/** An error about a regular expression. */
export class PatternError extends SubtextError<PatternErrorCode> {
  override readonly name = 'PatternError';

  static override isInstance(error: unknown): error is PatternError {
    return SubtextError.isInstance(error) && error.name === 'PatternError';
  }
}
