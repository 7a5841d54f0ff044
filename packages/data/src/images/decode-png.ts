import type { DecodedPicture } from './decoded-image';
import { crc32 } from './encode-png';
import { brokenImage, checkImageSize, type ImagePlace } from './image-limits';
import { inflatePieces, inflateWhole } from './inflate';
import { readOrientation, turnUpright } from './orientation';
import { type OnPngRow, pngChannels, type PngHeader, PngRows } from './png-rows';

/** Inflated at once below this many bytes: far faster than by a stream for small pictures, of which training sets have thousands. */
const smallBytes = 1 << 20;

/** Of a text chunk that is inflated: it is read for one number in it. */
const textBytes = 1 << 20;

interface PngFile {
  header: PngHeader;
  palette?: Uint8Array;
  transparency?: Uint8Array;
  data: Uint8Array[];
  exif?: Uint8Array;
  xmp?: Uint8Array;
}

const latin1 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');

function inflateText(bytes: Uint8Array): Uint8Array | undefined {
  return inflateWhole({ parts: [bytes], maximumBytes: textBytes });
}

/** EXIF in hexadecimal text, as ImageMagick wrote it before PNG had a chunk for it. */
function exifFromProfile(text: string): Uint8Array {
  return Buffer.from(text.split('\n').slice(3).join(''), 'hex');
}

/** What a text chunk tells of the picture's orientation. */
function readText(file: PngFile, name: string, body: Uint8Array): void {
  const end = body.indexOf(0);
  const keyword = latin1(body.subarray(0, Math.max(0, end)));
  if (keyword === 'Raw profile type exif' && name !== 'iTXt' && file.exif === undefined) {
    const text = name === 'tEXt' ? body.subarray(end + 1) : inflateText(body.subarray(end + 2));
    if (text) file.exif = exifFromProfile(latin1(text));
  }
  if (keyword === 'XML:com.adobe.xmp' && name === 'iTXt') {
    const compressed = body[end + 1] === 1;
    const language = body.indexOf(0, end + 3);
    const translated = body.indexOf(0, language + 1);
    if (language < 0 || translated < 0) return;
    const text = body.subarray(translated + 1);
    file.xmp = compressed ? inflateText(text) : text;
  }
}

function readChunks(bytes: Uint8Array, place: ImagePlace): PngFile {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const broken = (reason: string): never => {
    throw brokenImage({ place, reason });
  };
  const file: PngFile = { header: undefined as unknown as PngHeader, data: [] };
  let ended = false;
  for (let at = 8; at < bytes.length;) {
    // What follows the pixels may break off, as Pillow has it; what stands before them may not.
    const optional = ended || file.data.length > 0;
    if (at + 12 > bytes.length) return optional ? file : broken('it ends too early');
    const name = latin1(bytes.subarray(at + 4, at + 8));
    const end = at + 8 + view.getUint32(at);
    if (name === 'IDAT' && !ended && end + 4 > bytes.length) {
      file.data.push(bytes.subarray(at + 8));
      return file;
    }
    if (end + 4 > bytes.length || view.getUint32(end) !== crc32(bytes, at + 4, end)) {
      if (optional && name !== 'IDAT') return file;
      return broken(
        end + 4 > bytes.length ? 'it ends too early' : `the checksum of its part ${JSON.stringify(name)} is wrong`,
      );
    }
    const body = bytes.subarray(at + 8, end);
    if (file.header === undefined)
      file.header = name === 'IHDR' && body.length === 13 ? readHeader(body, broken) : broken('it has no header');
    else if (name === 'IEND') break;
    else if (name === 'IDAT' && !ended) file.data.push(body);
    else {
      if (file.data.length > 0) ended = true;
      if (name === 'PLTE') file.palette ??= body;
      else if (name === 'tRNS') file.transparency ??= body;
      else if (name === 'eXIf') file.exif = body;
      else if (name === 'tEXt' || name === 'zTXt' || name === 'iTXt') readText(file, name, body);
    }
    at = end + 4;
  }
  return file.header === undefined || file.data.length === 0 ? broken('it has no pixels') : file;
}

function readHeader(body: Uint8Array, broken: (reason: string) => never): PngHeader {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const [depth, colour, compression, filter, interlace] = body.subarray(8) as unknown as [
    number,
    number,
    number,
    number,
    number,
  ];
  const depths = { 0: [1, 2, 4, 8, 16], 2: [8, 16], 3: [1, 2, 4, 8], 4: [8, 16], 6: [8, 16] }[colour];
  if (!depths?.includes(depth) || compression !== 0 || filter !== 0 || interlace > 1)
    return broken('its header is of no kind that PNG has');
  return { width: view.getUint32(0), height: view.getUint32(4), depth, colour, interlaced: interlace === 1 };
}

/** Writes rows into the picture, as Pillow's unpackers do. */
function painter(file: PngFile, out: DecodedPicture): OnPngRow {
  const {
    header: { depth, colour, width: rowWidth },
    palette,
    transparency,
  } = file;
  const { data, channels } = out;
  const values = pngChannels[colour]!;
  const size = depth === 16 ? 2 : 1;
  // A 16-bit grey picture keeps whole numbers in Pillow, of which `convert` cuts off what is above 255.
  const saturates = depth === 16 && colour === 0;
  const greys = depth < 8 && colour === 0 ? 255 / ((1 << depth) - 1) : 1;
  const clear =
    transparency && (colour === 0 || colour === 2)
      ? Array.from({ length: values }, (_, value) => (transparency[2 * value]! << 8) | transparency[2 * value + 1]!)
      : undefined;
  if (colour === 2 && depth === 8 && channels === 3) {
    return (row, { left, top, across, width }) => {
      if (across === 1) data.set(row, (top * rowWidth + left) * 3);
      else
        for (let x = 0; x < width; x += 1)
          for (let channel = 0; channel < 3; channel += 1)
            data[(top * rowWidth + left + x * across) * 3 + channel] = row[x * 3 + channel]!;
    };
  }
  return (row, { left, top, across, width }) => {
    for (let x = 0; x < width; x += 1) {
      const at = (top * rowWidth + left + x * across) * channels;
      const from = x * values * size;
      let alpha = 255;
      if (colour === 3) {
        const index =
          depth === 8 ? row[x]! : (row[(x * depth) >> 3]! >> (8 - depth - ((x * depth) & 7))) & ((1 << depth) - 1);
        for (let channel = 0; channel < 3; channel += 1) data[at + channel] = palette![index * 3 + channel] ?? 0;
        alpha = transparency?.[index] ?? 255;
      } else if (colour === 0 || colour === 4) {
        const value =
          depth < 8
            ? (row[(x * depth) >> 3]! >> (8 - depth - ((x * depth) & 7))) & ((1 << depth) - 1)
            : depth === 16 && saturates && row[from] !== 0
              ? 255
              : row[saturates ? from + 1 : from]!;
        data.fill(value * greys, at, at + 3);
        if (colour === 4) alpha = row[from + size]!;
        else if (clear && clear[0] === (depth === 16 ? (row[from]! << 8) | row[from + 1]! : value)) alpha = 0;
      } else {
        for (let channel = 0; channel < 3; channel += 1) data[at + channel] = row[from + channel * size]!;
        if (colour === 6) alpha = row[from + 3 * size]!;
        else if (
          clear?.every(
            (value, channel) =>
              value ===
              (size === 2 ? (row[from + 2 * channel]! << 8) | row[from + 2 * channel + 1]! : row[from + channel]!),
          )
        )
          alpha = 0;
      }
      if (channels === 4) data[at + 3] = alpha;
    }
  };
}

/** Decodes a PNG of any kind as Pillow does; of an animated one, the picture that programs without animation show. */
export async function decodePng(
  bytes: Uint8Array,
  options: { maximumPixels: number; place: ImagePlace },
): Promise<DecodedPicture> {
  const { maximumPixels, place } = options;
  const file = readChunks(bytes, place);
  const { width, height, colour } = file.header;
  checkImageSize({ width, height, maximumPixels, place });
  if (colour === 3 && file.palette === undefined) throw brokenImage({ place, reason: 'it has no palette' });
  const channels = colour === 4 || colour === 6 || file.transparency !== undefined ? 4 : 3;
  const out: DecodedPicture = {
    data: new Uint8Array(width * height * channels),
    width,
    height,
    channels,
    isPlainRgb: colour === 2 && channels === 3,
  };
  const rows = new PngRows(file.header, painter(file, out));
  let fault: string | undefined;
  // Undefined where it is broken, or has more in it than its rows, which the way by pieces allows.
  const whole = rows.bytes < smallBytes ? inflateWhole({ parts: file.data, maximumBytes: rows.bytes }) : undefined;
  if (whole) fault = rows.push(whole);
  else {
    try {
      for await (const piece of inflatePieces(file.data)) {
        fault = rows.push(piece);
        if (fault !== undefined || rows.done) break;
      }
    } catch (cause) {
      if (!rows.done)
        throw brokenImage({ place, reason: `its pixels can't be inflated: ${(cause as Error).message}`, cause });
    }
  }
  if (fault !== undefined || !rows.done) throw brokenImage({ place, reason: fault ?? 'it ends too early' });
  return turnUpright(out, readOrientation(file));
}
