import { tokenBytes } from './byte-characters';

/** Decodes tokens one after the other, as a model generates them. */
export interface TokenStream {
  /** The text that is certain once this token has come; empty while a character is incomplete. */
  push(id: number): string;
  /** The rest. All pieces together are what `decode` makes of all ids (but for `clean_up_tokenization_spaces`). */
  finish(): string;
}

/** For byte-level vocabularies: bytes are held back until they are a character. */
export function byteLevelStream(tokenOf: (id: number) => string | undefined): TokenStream {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  return {
    push(id) {
      const token = tokenOf(id);
      return token === undefined ? '' : decoder.decode(tokenBytes(token), { stream: true });
    },
    finish: () => decoder.decode(),
  };
}

/** Tokens kept as context: decoders treat the first token of a text, and the neighbour of a token, apart. */
const contextTokens = 6;

/**
 * For other vocabularies: a token's text is what it adds to the text of the few tokens before it. Runs of tokens that
 * stand for single bytes wait for their end, for only then is it known whether they are characters.
 */
export function windowedStream(options: {
  tokenOf: (id: number) => string | undefined;
  decode: (ids: readonly number[]) => string;
}): TokenStream {
  const { tokenOf, decode } = options;
  let ids: number[] = [];
  let settled = 0;
  const take = (): string => {
    const before = settled === 0 ? '' : decode(ids.slice(0, settled));
    const now = decode(ids);
    if (!now.startsWith(before)) return '';
    settled = ids.length;
    if (settled > 4 * contextTokens) {
      ids = ids.slice(-contextTokens);
      settled = ids.length;
    }
    return now.slice(before.length);
  };
  return {
    push(id) {
      ids.push(id);
      return /^<0x[0-9A-Fa-f]{2}>$/.test(tokenOf(id) ?? '') ? '' : take();
    },
    finish: () => (ids.length === settled ? '' : take()),
  };
}
