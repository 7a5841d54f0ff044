import { TokenizerError } from './tokenizer-error';
import type { Normalizer } from './normalizers';

/**
 * SentencePiece's precompiled character map: a double-array trie from byte sequences to offsets in a block of
 * zero-terminated replacements (as in Rust's spm_precompiled). The @huggingface libraries substitute NFKC, which differs.
 *
 * A grapheme of fewer than 6 bytes is replaced as a whole if the map has it, otherwise character by character.
 *
 * @param charsmap base64 of: length of the trie in bytes (uint32), the trie (uint32 units), the replacements
 */
export function precompiledNormalizer(charsmap: string | null | undefined): Normalizer {
  if (charsmap === null || charsmap === undefined || charsmap === '') return (text) => text;
  let binary: string;
  try {
    binary = atob(charsmap);
  } catch (cause) {
    throw new TokenizerError({
      code: 'invalid-file',
      message: 'tokenizer.json: the precompiled_charsmap is not base64',
      cause,
    });
  }
  const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  const trieBytes = bytes.byteLength < 4 ? NaN : view.getUint32(0, true);
  if (!(4 + trieBytes <= bytes.byteLength) || trieBytes % 4 !== 0 || trieBytes === 0) {
    throw new TokenizerError({
      code: 'invalid-file',
      message: 'tokenizer.json: the precompiled_charsmap is cut short',
    });
  }
  const trie = new Uint32Array(bytes.buffer.slice(4, 4 + trieBytes));
  const replacements = bytes.subarray(4 + trieBytes);
  const encoder = new TextEncoder();
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
  const cache = new Map<string, string>();

  /** Replacement of the shortest prefix in the map, since the reference takes the first result. */
  const lookUp = (text: string): string | undefined => {
    const key = encoder.encode(text);
    let node = trieOffset(trie[0]!);
    for (const byte of key) {
      if (byte === 0) return undefined;
      node ^= byte;
      const unit = trie[node];
      if (unit === undefined || (unit & 0x800000ff) >>> 0 !== byte) return undefined;
      node ^= trieOffset(unit);
      if (((unit >>> 8) & 1) === 1) {
        const start = trie[node]! & 0x7fffffff;
        let end = start;
        while (end < replacements.byteLength && replacements[end] !== 0) end += 1;
        return decoder.decode(replacements.subarray(start, end));
      }
    }
    return undefined;
  };

  const replaceGrapheme = (grapheme: string): string => {
    const known = cache.get(grapheme);
    if (known !== undefined) return known;
    let result: string | undefined;
    if (encoder.encode(grapheme).byteLength < 6) result = lookUp(grapheme);
    result ??= Array.from(grapheme, (character) => lookUp(character) ?? character).join('');
    if (cache.size < 10_000) cache.set(grapheme, result);
    return result;
  };

  return (text) => {
    let result = '';
    for (let place = 0; place < text.length;) {
      // An ASCII character followed by another is a grapheme by itself, except for a carriage return.
      const code = text.charCodeAt(place);
      const next = place + 1 < text.length ? text.charCodeAt(place + 1) : 0x20;
      if (code < 0x7f && next < 0x7f && code !== 0x0d) {
        result += replaceGrapheme(text[place]!);
        place += 1;
        continue;
      }
      // The segmenter takes quadratic time, so use windows; the last grapheme of each is segmented again.
      for (let size = window; ; size *= 2) {
        const part = text.slice(place, place + size);
        const whole = place + size >= text.length;
        let taken = 0;
        let pending = '';
        for (const { segment } of graphemes.segment(part)) {
          if (pending !== '') {
            result += replaceGrapheme(pending);
            taken += pending.length;
          }
          pending = segment;
        }
        if (whole) {
          result += replaceGrapheme(pending);
          taken += pending.length;
        }
        if (taken > 0) {
          place += taken;
          break;
        }
      }
    }
    return result;
  };
}

/** Window size of the segmentation, in UTF-16 units. */
const window = 256;

function trieOffset(unit: number): number {
  return ((unit >>> 10) << ((unit & (1 << 9)) >>> 6)) >>> 0;
}
