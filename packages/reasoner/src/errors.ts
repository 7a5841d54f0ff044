import { SubtextError } from '@subtext/core';

/** What went wrong, for programs; the message is for people. */
export type ReasonerErrorCode =
  /** No method has that name. */
  | 'unknown-method'
  | 'invalid-option'
  /** A compression factor that the model was not trained with. */
  | 'untrained-factor'
  /** An example has more tokens than the model has positions. */
  | 'example-too-long'
  /** An example lacks a stage that the curriculum hides. */
  | 'missing-stage'
  /** A visibility table names a role that there is not. */
  | 'unknown-role'
  /** A visibility table lets the answer see nothing. */
  | 'blind-answer'
  /** A method, a format or a family of models that a visibility table cannot be kept by. */
  | 'visibility-unsupported'
  | 'no-examples'
  /** A folder that holds no reasoner, or one that this version can't read. */
  | 'not-a-reasoner'
  /** A checkpoint that is none of the releases that are read, or only a part of one. */
  | 'unknown-checkpoint'
  /** A checkpoint and a tokenizer that do not belong together. */
  | 'vocabulary-mismatch'
  /** The model has no stage of that name. */
  | 'unknown-stage'
  /** The model writes a stage in words, so that it has no thoughts to exchange. */
  | 'stage-not-hidden'
  /** Thoughts of one stage cannot take the place of those of another, or of another number. */
  | 'stages-differ'
  /** Thoughts or directions of another model: their width is another. */
  | 'width-mismatch'
  /** A file that holds no direction among thoughts, or no monitor of them. */
  | 'not-a-direction'
  | 'not-a-monitor'
  /** A file that holds no knowledge pack, or a broken one. */
  | 'not-a-pack'
  /** A knowledge pack that was made with another model. */
  | 'pack-mismatch'
  /** A family of models that no knowledge pack can stand before. */
  | 'pack-unsupported'
  /** A document without a token. */
  | 'empty-document';

/** The error of this package: says what, where and what to do. */
export class ReasonerError extends SubtextError<ReasonerErrorCode> {
  override readonly name = 'ReasonerError';

  /** True for this package's errors, also when two copies of the package are installed. */
  static override isInstance(error: unknown): error is ReasonerError {
    return SubtextError.isInstance(error) && error.name === 'ReasonerError';
  }
}
