import { SubtextError } from '@subtext/core';

/** Machine-readable error codes. */
export type TokenizerErrorCode =
  /** The folder, or its tokenizer.json, does not exist. */
  | 'not-found'
  /** A file can't be read or written. */
  | 'input-output'
  /** A file is not JSON, or does not have the expected structure. */
  | 'invalid-file'
  /** The tokenizer uses an unsupported component or option. */
  | 'unsupported-component'
  /** A token or id that is not in the vocabulary. */
  | 'unknown-token'
  /** An unknown word, and the vocabulary has no unknown token. */
  | 'unknown-word'
  /** Tokens that can't be added: empty, duplicate, or already in use. */
  | 'invalid-token'
  /** The folder has no chat template. */
  | 'missing-chat-template'
  /** The chat template is malformed, or rejected the messages. */
  | 'chat-template-failed'
  /** A regular expression of tokenizer.json takes too long on a text. */
  | 'pattern-too-slow'
  /** An argument is out of range. */
  | 'invalid-option';

/** Base class of this package's errors. */
export class TokenizerError extends SubtextError<TokenizerErrorCode> {
  override readonly name = 'TokenizerError';

  /** True for errors of this class from any copy of the package. */
  static override isInstance(error: unknown): error is TokenizerError {
    return SubtextError.isInstance(error) && error.name === 'TokenizerError';
  }
}

/** The error for an unsupported component or setting, which must not be ignored silently. */
export function unsupported(what: string): TokenizerError {
  return new TokenizerError({
    code: 'unsupported-component',
    message: `tokenizer.json has ${what}, which this package does not support`,
  });
}
