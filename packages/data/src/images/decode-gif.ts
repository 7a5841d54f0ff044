import type { DecodedPicture } from './decoded-image';
import { brokenImage, checkImageSize, type ImagePlace } from './image-limits';

/** The greatest number of codes that LZW in a GIF may have. */
const mostCodes = 4096;

/** Undoes GIF's LZW into the pixels of a frame. Gives how many pixels it found. */
function unpack(options: { data: Uint8Array; bits: number; pixels: Uint8Array }): number {
  const { data, bits, pixels } = options;
  const clear = 1 << bits;
  const prefix = new Uint16Array(mostCodes);
  const last = new Uint8Array(mostCodes);
  const length = new Uint16Array(mostCodes);
  for (let code = 0; code < clear; code += 1) {
    last[code] = code;
    length[code] = 1;
  }
  let next = clear + 2;
  let width = bits + 1;
  let previous = -1;
  let written = 0;
  let held = 0;
  let count = 0;
  for (let at = 0; written < pixels.length;) {
    while (count < width) {
      if (at === data.length) return written;
      held |= data[at]! << count;
      at += 1;
      count += 8;
    }
    const code = held & ((1 << width) - 1);
    held >>>= width;
    count -= width;
    if (code === clear) {
      next = clear + 2;
      width = bits + 1;
      previous = -1;
      continue;
    }
    if (code === clear + 1) return written;
    if (code > next || (previous < 0 && code >= clear) || (code === next && (previous < 0 || next >= mostCodes)))
      return -1;
    if (previous >= 0 && next < mostCodes) {
      // A code that is about to be made is the previous one with its own first value behind it.
      let first = code === next ? previous : code;
      while (length[first]! > 1) first = prefix[first]!;
      prefix[next] = previous;
      last[next] = last[first]!;
      length[next] = length[previous]! + 1;
      next += 1;
      if (next === 1 << width && width < 12) width += 1;
    }
    const run = length[code]!;
    for (let from = code, place = written + run - 1; place >= written; place -= 1, from = prefix[from]!)
      if (place < pixels.length) pixels[place] = last[from]!;
    written += run;
    previous = code;
  }
  return pixels.length;
}

/** The order in which the rows of an interlaced frame are sent. */
function interlacedRows(height: number): number[] {
  const rows: number[] = [];
  for (const [first, step] of [
    [0, 8],
    [4, 8],
    [2, 4],
    [1, 2],
  ] as const)
    for (let row = first; row < height; row += step) rows.push(row);
  return rows;
}

/**
 * Decodes a GIF's first frame as Pillow does: the frame lies on a screen of its transparent colour or, without one, of
 * colour 0; transparent pixels keep the colour that the table gives them; a frame that leaves the screen enlarges it.
 */
export function decodeGif(bytes: Uint8Array, options: { maximumPixels: number; place: ImagePlace }): DecodedPicture {
  const { maximumPixels, place } = options;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const broken = (reason: string) => brokenImage({ place, reason });
  if (bytes.length < 13) throw broken('it ends too early');
  let at = 13;
  const takeTable = (flags: number): Uint8Array | undefined => {
    if (!(flags & 0x80)) return undefined;
    const table = bytes.subarray(at, at + (3 << ((flags & 7) + 1)));
    at += table.length;
    return table;
  };
  /** The bytes of sub-blocks, the empty one at their end passed. */
  const takeBlocks = (): Uint8Array => {
    const parts: Uint8Array[] = [];
    for (;;) {
      const size = bytes[at] ?? 0;
      if (size > 0) parts.push(bytes.subarray(at + 1, at + 1 + size));
      at += size + 1;
      if (size === 0 || at >= bytes.length) return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
    }
  };
  let table = takeTable(bytes[10]!);
  let transparent: number | undefined;
  for (;;) {
    if (at >= bytes.length || bytes[at] === 0x3b) throw broken('it has no frame');
    const mark = bytes[at]!;
    at += 1;
    if (mark === 0x21) {
      const label = bytes[at];
      at += 1;
      const block = takeBlocks();
      if (label === 0xf9 && block.length >= 4) transparent = block[0]! & 1 ? block[3]! : transparent;
    } else if (mark === 0x2c) break;
  }
  if (at + 10 > bytes.length) throw broken('it ends too early');
  const [left, top, width, height] = [0, 2, 4, 6].map((offset) => view.getUint16(at + offset, true)) as [
    number,
    number,
    number,
    number,
  ];
  const flags = bytes[at + 8]!;
  at += 9;
  table = takeTable(flags) ?? table;
  const [toWidth, toHeight] = [
    Math.max(view.getUint16(6, true), left + width),
    Math.max(view.getUint16(8, true), top + height),
  ];
  checkImageSize({ width, height, maximumPixels, place });
  checkImageSize({ width: toWidth, height: toHeight, maximumPixels, place });
  const bits = bytes[at] ?? 0;
  at += 1;
  if (bits < 1 || bits > 11) throw broken(`its codes have ${bits} bits`);
  const pixels = new Uint8Array(width * height);
  if (unpack({ data: takeBlocks(), bits, pixels }) < pixels.length)
    throw broken('its pixels end too early, or are damaged');

  const hasAlpha = transparent !== undefined;
  const channels = hasAlpha ? 4 : 3;
  const data = new Uint8Array(toWidth * toHeight * channels);
  const paint = (place4: number, index: number): void => {
    for (let channel = 0; channel < 3; channel += 1)
      data[place4 + channel] = table === undefined ? index : (table[index * 3 + channel] ?? 0);
    if (hasAlpha) data[place4 + 3] = index === transparent ? 0 : 255;
  };
  if (width !== toWidth || height !== toHeight)
    for (let place4 = 0; place4 < data.length; place4 += channels) paint(place4, transparent ?? 0);
  const order = flags & 0x40 ? interlacedRows(height) : undefined;
  for (let sent = 0; sent < height; sent += 1) {
    const row = ((order?.[sent] ?? sent) + top) * toWidth + left;
    for (let x = 0; x < width; x += 1) paint((row + x) * channels, pixels[sent * width + x]!);
  }
  return { data, width: toWidth, height: toHeight, channels, isPlainRgb: false };
}
