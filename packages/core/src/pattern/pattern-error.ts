import { SubtextError } from '../subtext-error';

/** What is wrong with a regular expression. */
export type PatternErrorCode =
  /** It is not an expression of its dialect. */
  | 'invalid-pattern'
  /** It has a part that is not followed here: back-references, recursion, conditions. */
  | 'unsupported-pattern'
  /** It is larger than any expression that a model needs. */
  | 'pattern-too-large'
  /** The text would take it more steps than it may have. */
  | 'pattern-too-slow';

/** An error about a regular expression. */
export class PatternError extends SubtextError<PatternErrorCode> {
  override readonly name = 'PatternError';

  static override isInstance(error: unknown): error is PatternError {
    return SubtextError.isInstance(error) && error.name === 'PatternError';
  }
}
