import { access } from 'node:fs/promises';
import sharp from 'sharp';
import { ImageError } from './image-error';

/** A picture in memory: rows from the top, pixels from the left, the channels of one pixel side by side, 0 … 255. */
export interface RawImage {
  /** `height · width · channels` bytes */
  data: Uint8Array | Uint8ClampedArray;
  width: number;
  height: number;
  /** 1: grey, 3: red, green, blue, 4: and alpha. @default 3 */
  channels?: 1 | 3 | 4;
}

/** A picture: the path of a file, a file's bytes, or pixels in memory. */
export type ImageSource = string | Uint8Array | RawImage;

/** A picture decoded to eight bits a channel. */
export interface DecodedImage {
  /** `height · width · channels` bytes */
  data: Uint8Array;
  width: number;
  height: number;
  channels: 3 | 4;
  /** false where the file held grey, palette, CMYK or transparent pixels */
  isPlainRgb: boolean;
}

/** 178,956,970 pixels: where Pillow refuses a picture as a decompression bomb. */
export const defaultMaximumPixels = 178_956_970;

/**
 * Decodes a picture as Pillow would: turned upright by its EXIF orientation, embedded colour profiles not applied,
 * 16-bit channels cut to their high byte, CMYK turned to RGB by Pillow's formula, animated files by their first frame.
 * One difference: 16-bit grey is cut to its high byte too, where Pillow would turn nearly all of it white.
 *
 * @throws {ImageError} `image-missing`, `image-unreadable`, `image-too-large`, `image-invalid`
 */
export async function decodeImage(options: {
  source: ImageSource;
  /** refuse pictures with more pixels than this. @default 178,956,970 */
  maximumPixels?: number;
}): Promise<DecodedImage> {
  const { source, maximumPixels = defaultMaximumPixels } = options;
  if (typeof source !== 'string' && !(source instanceof Uint8Array)) return fromRawImage(source, maximumPixels);
  const place = typeof source === 'string' ? source : `${source.byteLength} bytes in memory`;
  if (typeof source === 'string') {
    try {
      await access(source);
    } catch (cause) {
      throw new ImageError('image-missing', `There is no picture at ${source}. Check the path.`, { cause });
    }
  }
  try {
    return await decodeWithSharp(source, maximumPixels, place);
  } catch (cause) {
    if (cause instanceof ImageError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    if (/pixel limit|dimensions? (exceed|too)/i.test(reason)) throw tooLarge(place, maximumPixels, cause);
    throw new ImageError('image-unreadable', `The picture ${place} cannot be decoded: ${reason}. Give a whole PNG, JPEG, WebP, GIF, TIFF or AVIF file.`, { cause });
  }
}

function tooLarge(place: string, maximumPixels: number, cause?: unknown): ImageError {
  return new ImageError(
    'image-too-large',
    `The picture ${place} has more than ${maximumPixels} pixels. Make it smaller, or raise \`maximumPixels\` if you trust it.`,
    { cause },
  );
}

async function decodeWithSharp(source: string | Uint8Array, maximumPixels: number, place: string): Promise<DecodedImage> {
  const input = { limitInputPixels: maximumPixels, failOn: 'error', ignoreIcc: true } as const;
  const metadata = await sharp(source, input).metadata();
  if ((metadata.width ?? 0) * (metadata.height ?? 0) > maximumPixels) throw tooLarge(place, maximumPixels);
  let pipeline = sharp(source, input).autoOrient();
  const isCmyk = metadata.space === 'cmyk';
  if (isCmyk) pipeline = pipeline.pipelineColourspace('cmyk').toColourspace('cmyk');
  const { data, info } = await pipeline.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const size = { width: info.width, height: info.height };
  const isPlainRgb = metadata.space === 'srgb' && metadata.channels === 3 && !metadata.isPalette;
  if (isCmyk) return { data: cmykToRgb(bytes, info.channels), ...size, channels: 3, isPlainRgb: false };
  if (info.channels === 3 || info.channels === 4) return { data: bytes, ...size, channels: info.channels, isPlainRgb };
  return { data: greyToColour(bytes, info.channels), ...size, channels: info.channels === 2 ? 4 : 3, isPlainRgb: false };
}

function fromRawImage(image: RawImage, maximumPixels: number): DecodedImage {
  const { data, width, height, channels = 3 } = image;
  if (!(data instanceof Uint8Array || data instanceof Uint8ClampedArray)) {
    throw new ImageError('image-invalid', 'A picture must be a path, the bytes of a file, or { data: Uint8Array, width, height }.');
  }
  if (!Number.isInteger(width) || !Number.isInteger(height) || width < 1 || height < 1) {
    throw new ImageError('image-invalid', `A raw picture needs a width and a height of at least 1; it has ${width} × ${height}.`);
  }
  if (width * height > maximumPixels) throw tooLarge(`of ${width} × ${height} pixels`, maximumPixels);
  if (channels !== 1 && channels !== 3 && channels !== 4) {
    throw new ImageError('image-invalid', `A raw picture has 1, 3 or 4 channels, not ${String(channels)}.`);
  }
  if (data.length !== width * height * channels) {
    throw new ImageError('image-invalid', `A raw picture of ${width} × ${height} with ${channels} channels needs ${width * height * channels} bytes; it has ${data.length}.`);
  }
  const bytes = data instanceof Uint8Array ? data : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (channels === 1) return { data: greyToColour(bytes, 1), width, height, channels: 3, isPlainRgb: false };
  return { data: bytes, width, height, channels, isPlainRgb: channels === 3 };
}

/** Grey (or grey and alpha) to three (or four) channels. */
function greyToColour(bytes: Uint8Array, channels: number): Uint8Array {
  const count = bytes.length / channels;
  const width = channels === 2 ? 4 : 3;
  const out = new Uint8Array(count * width);
  for (let pixel = 0; pixel < count; pixel += 1) {
    out.fill(bytes[pixel * channels]!, pixel * width, pixel * width + 3);
    if (channels === 2) out[pixel * 4 + 3] = bytes[pixel * 2 + 1]!;
  }
  return out;
}

/** Pillow's `cmyk2rgb`: each colour is (255 − K) − C·(255 − K)/255, with its rounding of the division. */
function cmykToRgb(bytes: Uint8Array, channels: number): Uint8Array {
  const count = bytes.length / channels;
  const out = new Uint8Array(count * 3);
  for (let pixel = 0; pixel < count; pixel += 1) {
    const light = 255 - bytes[pixel * channels + 3]!;
    for (let channel = 0; channel < 3; channel += 1) {
      const product = bytes[pixel * channels + channel]! * light + 128;
      out[pixel * 3 + channel] = Math.max(0, light - (((product >> 8) + product) >> 8));
    }
  }
  return out;
}

/**
 * Three channels from a decoded picture.
 *
 * @param transparency `drop` keeps the colours under transparent pixels, as Pillow's `convert('RGB')`;
 *   `white` lays the picture on white, as Mllama's processor does.
 */
export function toRgb(image: DecodedImage, transparency: 'drop' | 'white'): DecodedImage {
  if (image.channels === 3) return image;
  const count = image.width * image.height;
  const out = new Uint8Array(count * 3);
  for (let pixel = 0; pixel < count; pixel += 1) {
    const alpha = transparency === 'drop' ? 255 : image.data[pixel * 4 + 3]!;
    for (let channel = 0; channel < 3; channel += 1) {
      // Pillow's alpha_composite over an opaque background: 7 fraction bits, then its division by 255.
      const front = alpha * 128;
      const mixed = image.data[pixel * 4 + channel]! * front + 255 * (255 * 128 - front) + (0x80 << 7);
      out[pixel * 3 + channel] = alpha === 255 ? image.data[pixel * 4 + channel]! : ((mixed >> 8) + mixed) >> 8 >> 7;
    }
  }
  return { ...image, data: out, channels: 3 };
}
