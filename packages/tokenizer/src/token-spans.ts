import { tokenBytes } from './byte-characters';
import type { TokenStream } from './token-stream';

/**
 * Span of each byte-level token in the text, as `[start, end)` in UTF-16 units; a token that is part of a character gets
 * the whole character's span. Undefined if the tokens' bytes do not equal the text's.
 */
export function byteSpans(options: { tokens: readonly string[]; text: string }): [number, number][] | undefined {
  const { tokens, text } = options;
  const bytes = new TextEncoder().encode(text);
  // Start and end of the character of each byte.
  const starts = new Uint32Array(bytes.byteLength);
  const ends = new Uint32Array(bytes.byteLength);
  let byte = 0;
  let unit = 0;
  while (unit < text.length) {
    const code = text.codePointAt(unit)!;
    const end = unit + (code > 0xffff ? 2 : 1);
    const nextByte = byte + (code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4);
    starts.fill(unit, byte, nextByte);
    ends.fill(end, byte, nextByte);
    byte = nextByte;
    unit = end;
  }
  const spans: [number, number][] = [];
  let position = 0;
  for (const token of tokens) {
    const own = tokenBytes(token);
    if (own.byteLength === 0 || own.some((value, index) => bytes[position + index] !== value)) return undefined;
    spans.push([starts[position]!, ends[position + own.byteLength - 1]!]);
    position += own.byteLength;
  }
  return position === bytes.byteLength ? spans : undefined;
}

/**
 * Span of each token in the text, as `[start, end)` in UTF-16 units, found by decoding token by token; tokens that decode
 * only together share a span. Undefined if the tokens do not decode exactly to the text.
 */
export function streamSpans(options: {
  ids: readonly number[];
  stream: TokenStream;
  text: string;
}): [number, number][] | undefined {
  const { ids, stream, text } = options;
  const spans: [number, number][] = [];
  let position = 0;
  let waiting = 0;
  const settle = (piece: string): boolean => {
    if (!text.startsWith(piece, position)) return false;
    const end = position + piece.length;
    for (let index = spans.length - waiting; index < spans.length; index += 1) spans[index] = [position, end];
    waiting = 0;
    position = end;
    return true;
  };
  for (const id of ids) {
    spans.push([position, position]);
    waiting += 1;
    const piece = stream.push(id);
    if (piece !== '' && !settle(piece)) return undefined;
  }
  if (!settle(stream.finish())) return undefined;
  return position === text.length ? spans : undefined;
}
