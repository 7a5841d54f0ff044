import { brokenImage, type ImagePlace } from './image-limits';

/** The formats that are decoded. Others are refused whatever a decoder could do with them: each is a door for strangers. */
export type ImageFormat = 'PNG' | 'JPEG' | 'WebP' | 'GIF';

export const imageFormats = 'PNG, JPEG, WebP or GIF';

/** The format that a file begins as. */
export function imageFormat(head: Uint8Array): ImageFormat | undefined {
  const text = String.fromCharCode(...head.subarray(0, 12));
  if (text.startsWith('\x89PNG\r\n\x1a\n')) return 'PNG';
  if (text.startsWith('\xff\xd8\xff')) return 'JPEG';
  if (/^GIF8[79]a/.test(text)) return 'GIF';
  if (text.startsWith('RIFF') && text.slice(8, 12) === 'WEBP') return 'WebP';
  return undefined;
}

/** What can be known of a picture without decoding it. */
export interface ImageHeader {
  width: number;
  height: number;
  /** JPEG: passes over the picture, each of which costs the time of all its pixels. 1 in the others. */
  scans: number;
  exif?: Uint8Array;
  xmp?: Uint8Array;
}

const latin1 = (bytes: Uint8Array): string => String.fromCharCode(...bytes);
const xmpMark = 'http://ns.adobe.com/xap/1.0/\0';

function jpegHeader(bytes: Uint8Array): ImageHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header: ImageHeader = { width: 0, height: 0, scans: 0 };
  for (let at = 2; ;) {
    // Markers are a byte 255 and their number; 255 may be repeated, and anything else before one is passed over.
    at = bytes.indexOf(0xff, at);
    while (at >= 0 && bytes[at + 1] === 0xff) at += 1;
    if (at < 0 || at + 1 >= bytes.length) break;
    const marker = bytes[at + 1]!;
    at += 2;
    if (marker === 0xd9) break;
    // A 255 in the pixels is followed by 0; restarts stand among them, and neither has a length.
    if (marker === 0 || marker === 1 || (marker >= 0xd0 && marker <= 0xd8)) continue;
    if (at + 2 > bytes.length) break;
    const length = view.getUint16(at);
    const body = bytes.subarray(at + 2, at + Math.max(2, length));
    if (
      marker >= 0xc0 &&
      marker <= 0xcf &&
      ![0xc4, 0xc8, 0xcc].includes(marker) &&
      header.width === 0 &&
      body.length >= 5
    ) {
      header.height = view.getUint16(at + 3);
      header.width = view.getUint16(at + 5);
    } else if (marker === 0xda) header.scans += 1;
    else if (marker === 0xe1 && latin1(body.subarray(0, 6)) === 'Exif\0\0') header.exif ??= body;
    else if (marker === 0xe1 && latin1(body.subarray(0, xmpMark.length)) === xmpMark)
      header.xmp = body.subarray(xmpMark.length);
    at += Math.max(2, length);
  }
  return header;
}

function webpHeader(bytes: Uint8Array): ImageHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header: ImageHeader = { width: 0, height: 0, scans: 1 };
  const grow = (width: number, height: number): void => {
    header.width = Math.max(header.width, width);
    header.height = Math.max(header.height, height);
  };
  for (let at = 12; at + 8 <= bytes.length;) {
    const name = latin1(bytes.subarray(at, at + 4));
    const size = view.getUint32(at + 4, true);
    const body = bytes.subarray(at + 8, at + 8 + size);
    const part = new DataView(body.buffer, body.byteOffset, body.byteLength);
    if (name === 'VP8X' && body.length >= 10)
      grow(1 + (part.getUint32(4, true) & 0xffffff), 1 + (part.getUint32(6, true) >>> 8));
    else if (name === 'VP8 ' && body.length >= 10)
      grow(part.getUint16(6, true) & 0x3fff, part.getUint16(8, true) & 0x3fff);
    else if (name === 'VP8L' && body.length >= 5) {
      const packed = part.getUint32(1, true);
      grow(1 + (packed & 0x3fff), 1 + ((packed >>> 14) & 0x3fff));
    } else if (name === 'ANMF' && body.length >= 12)
      grow(1 + (part.getUint32(6, true) & 0xffffff), 1 + (part.getUint32(8, true) >>> 8));
    else if (name === 'EXIF') header.exif ??= body;
    else if (name === 'XMP ') header.xmp ??= body;
    at += 8 + size + (size & 1);
  }
  return header;
}

/**
 * Reads how large a JPEG or WebP file says it is, and how it is to be turned.
 *
 * @param options.partial the bytes are the file's beginning only. Default false
 * @returns undefined where a beginning does not tell
 * @throws DataError `image-broken` where a whole file does not tell
 */
export function imageHeader(
  bytes: Uint8Array,
  format: 'JPEG' | 'WebP',
  place: ImagePlace,
  options?: { partial?: false },
): ImageHeader;
export function imageHeader(
  bytes: Uint8Array,
  format: 'JPEG' | 'WebP',
  place: ImagePlace,
  options: { partial?: boolean },
): ImageHeader | undefined;
export function imageHeader(
  bytes: Uint8Array,
  format: 'JPEG' | 'WebP',
  place: ImagePlace,
  { partial = false }: { partial?: boolean } = {},
): ImageHeader | undefined {
  const header = format === 'JPEG' ? jpegHeader(bytes) : webpHeader(bytes);
  if (header.width > 0) return header;
  if (partial) return undefined;
  throw brokenImage({ place, reason: 'it does not say how large it is' });
}
