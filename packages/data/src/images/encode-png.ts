import type { DecodedImage } from './decoded-image';

/** The first eight bytes of every PNG file. */
const pngSignature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

/** The table of CRC-32 with the polynomial of PNG (ISO 3309), reflected. */
const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

/** The checksum of PNG's chunks over `bytes[start, end)`. */
export function crc32(bytes: Uint8Array, start: number, end: number): number {
  let value = 0xffffffff;
  for (let index = start; index < end; index += 1) value = crcTable[(value ^ bytes[index]!) & 0xff]! ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

function adler32(bytes: Uint8Array): number {
  let low = 1;
  let high = 0;
  for (let start = 0; start < bytes.length; start += 4096) {
    const end = Math.min(bytes.length, start + 4096); // sums of this many bytes stay exact
    for (let index = start; index < end; index += 1) {
      low += bytes[index]!;
      high += low;
    }
    low %= 65521;
    high %= 65521;
  }
  return ((high << 16) | low) >>> 0;
}

/** Deflate without compression (RFC 1951 §3.2.4) in zlib's envelope. */
function store(bytes: Uint8Array): Uint8Array {
  const blockSize = 65535;
  const blocks = Math.max(1, Math.ceil(bytes.length / blockSize));
  const stored = new Uint8Array(2 + blocks * 5 + bytes.length + 4);
  const view = new DataView(stored.buffer);
  view.setUint16(0, 0x7801);
  let at = 2;
  for (let block = 0; block < blocks; block += 1) {
    const chunk = bytes.subarray(block * blockSize, (block + 1) * blockSize);
    stored[at] = block === blocks - 1 ? 1 : 0;
    view.setUint16(at + 1, chunk.length, true);
    view.setUint16(at + 3, ~chunk.length & 0xffff, true);
    stored.set(chunk, at + 5);
    at += 5 + chunk.length;
  }
  view.setUint32(at, adler32(bytes));
  return stored;
}

/**
 * An image as a PNG file's bytes, not compressed: zlib's output differs between versions and processors, and these
 * bytes must not. Ten times as fast as a general encoder on pictures of a few kilobytes, which take one disk block
 * either way.
 */
export function encodePng(image: DecodedImage): Uint8Array {
  const { data, width, height } = image;
  const rowBytes = width * 3;
  const rows = new Uint8Array(height * (rowBytes + 1)); // each row starts with its filter's number, 0: none
  for (let row = 0; row < height; row += 1)
    rows.set(data.subarray(row * rowBytes, (row + 1) * rowBytes), row * (rowBytes + 1) + 1);

  const header = new Uint8Array(13);
  const headerView = new DataView(header.buffer);
  headerView.setUint32(0, width);
  headerView.setUint32(4, height);
  header.set([8, 2], 8); // 8 bits a channel, colour without palette or alpha

  const chunks: [string, Uint8Array][] = [
    ['IHDR', header],
    ['IDAT', store(rows)],
    ['IEND', new Uint8Array(0)],
  ];
  const file = new Uint8Array(pngSignature.length + chunks.reduce((sum, [, body]) => sum + body.length + 12, 0));
  const view = new DataView(file.buffer);
  file.set(pngSignature);
  let at = pngSignature.length;
  for (const [name, body] of chunks) {
    view.setUint32(at, body.length);
    for (let index = 0; index < 4; index += 1) file[at + 4 + index] = name.charCodeAt(index);
    file.set(body, at + 8);
    view.setUint32(at + 8 + body.length, crc32(file, at + 4, at + 8 + body.length));
    at += body.length + 12;
  }
  return file;
}
