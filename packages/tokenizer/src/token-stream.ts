import { tokenBytes } from './byte-characters';

/** Decodes tokens incrementally, as a model generates them. */
export interface TokenStream {
  /** Adds a token and returns the text that is now final; empty while a character is incomplete. */
  push(id: number): string;
  /** The remaining text. All pieces together equal `decode` of all ids (except for `clean_up_tokenization_spaces`). */
  finish(): string;
}

/** For byte-level vocabularies: buffers bytes until they form a character. */
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

/** Number of context tokens: decoding depends on neighbouring tokens and on the start of the text. */
const contextTokens = 6;

/**
 * For other vocabularies: a token's text is what it adds to the decoded text of the few tokens before it. Runs of byte
 * tokens are buffered until they end, since only then is it known whether they form characters.
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
