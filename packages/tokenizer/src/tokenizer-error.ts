import { SubtextError } from '@subtext/core';

/** What went wrong, for programs; `message` says the same to people. */
export type TokenizerErrorCode =
  /** The folder, or its tokenizer.json, does not exist. */
  | 'not-found'
  /** A file can't be read or written. */
  | 'input-output'
  /** A file is not JSON, or not of the shape that it should have. */
  | 'invalid-file'
  /** The tokenizer asks for a component, or an option of one, that this package does not have. */
  | 'unsupported-component'
  /** A token, or an id, that the vocabulary does not have. */
  | 'unknown-token'
  /** A word outside a vocabulary that has no token for such words. */
  | 'unknown-word'
  /** Tokens that can't be added: empty, twice, or taken by another. */
  | 'invalid-token'
  /** The folder has no chat template. */
  | 'missing-chat-template'
  /** The chat template is malformed, or refused the messages. */
  | 'chat-template-failed'
  /** An expression of tokenizer.json takes too long on a text. */
  | 'pattern-too-slow'
  /** An argument outside what the function takes. */
  | 'invalid-option';

/** Every error this package throws on purpose. */
export class TokenizerError extends SubtextError<TokenizerErrorCode> {
  override readonly name = 'TokenizerError';

  /** True for errors of this class from any copy of the package. */
  static override isInstance(error: unknown): error is TokenizerError {
    return SubtextError.isInstance(error) && error.name === 'TokenizerError';
  }
}

/** The error for a component, or a setting of one, that would be ignored if it were not refused. */
export function unsupported(what: string): TokenizerError {
  return new TokenizerError({
    code: 'unsupported-component',
    message: `tokenizer.json has ${what}, which this package does not support`,
  });
}
