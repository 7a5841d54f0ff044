/**
 * GPT-2's alphabet of bytes: each of the 256 bytes is written as one printable character, so that vocabularies of bytes
 * are text. Printable Latin-1 characters stand for themselves, the others for 256, 257, … in order.
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

/** Text as its UTF-8 bytes, each byte written as one character of GPT-2's alphabet. */
export function toByteCharacters(text: string): string {
  // Most words: printable ASCII, which stands for itself, after one space, which is written Ġ.
  if (/^ ?[!-~]+$/.test(text)) return text.startsWith(' ') ? `Ġ${text.slice(1)}` : text;
  let result = '';
  for (const byte of encoder.encode(text)) result += characterOfByte[byte]!;
  return result;
}

/** The bytes that a token of a byte-level vocabulary stands for; a token not in the alphabet stands for its UTF-8 bytes. */
export function tokenBytes(token: string): Uint8Array {
  const bytes = new Uint8Array(token.length);
  for (let index = 0; index < token.length; index += 1) {
    const byte = byteOfCharacter.get(token[index]!);
    if (byte === undefined) return encoder.encode(token);
    bytes[index] = byte;
  }
  return bytes;
}
