/**
 * GPT-2's byte alphabet: each of the 256 bytes is represented by one printable character, so that byte vocabularies are
 * text. Printable Latin-1 characters represent themselves, the others 256, 257, … in order.
 */
const characterOfByte: readonly string[] = makeAlphabet();
const byteOfCharacter: ReadonlyMap<string, number> = new Map(
  characterOfByte.map((character, byte) => [character, byte]),
);
const encoder = new TextEncoder();

function makeAlphabet(): string[] {
  const isPrintable = (byte: number): boolean =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
  let spare = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isPrintable(byte) ? byte : spare++));
}

/** Encodes text as UTF-8 bytes, each represented by a character of GPT-2's alphabet. */
export function toByteCharacters(text: string): string {
  // The common case: printable ASCII, which is unchanged, after an optional space, which becomes Ġ.
  if (/^ ?[!-~]+$/.test(text)) return text.startsWith(' ') ? `Ġ${text.slice(1)}` : text;
  let result = '';
  for (const byte of encoder.encode(text)) result += characterOfByte[byte]!;
  return result;
}

/** The bytes of a byte-level token; a token outside the alphabet yields its UTF-8 bytes. */
export function tokenBytes(token: string): Uint8Array {
  const bytes = new Uint8Array(token.length);
  for (let index = 0; index < token.length; index += 1) {
    const byte = byteOfCharacter.get(token[index]!);
    if (byte === undefined) return encoder.encode(token);
    bytes[index] = byte;
  }
  return bytes;
}
