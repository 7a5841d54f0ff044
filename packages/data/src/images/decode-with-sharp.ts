import type { SharpOptions } from 'sharp';
import { DataError } from '../errors';
import type { DecodedPicture } from './decoded-image';
import { imageHeader } from './image-header';
import { brokenImage, checkImageSize, maximumScans, type ImageLimits, type ImagePlace } from './image-limits';
import { readOrientation, turnUpright } from './orientation';

/**
 * An optional peer, because its native library weighs more than all of this package and only JPEG and WebP need it.
 * @throws DataError `image-decoder-missing`
 */
export async function loadSharp(place: ImagePlace): Promise<typeof import('sharp').default> {
  try {
    return (await import('sharp')).default;
  } catch (cause) {
    throw new DataError({
      code: 'image-decoder-missing',
      ...place,
      message: `JPEG and WebP images are decoded by the package sharp, which can't be loaded here (${(cause as Error).message.split('\n')[0]}). Install it with "npm install sharp", or convert the images to PNG.`,
      cause,
    });
  }
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

/** Decodes a JPEG or the first frame of a WebP as Pillow does: colour profiles are not applied, CMYK by Pillow's formula. */
export async function decodeWithSharp(
  bytes: Uint8Array,
  options: { format: 'JPEG' | 'WebP'; limits: Required<ImageLimits>; place: ImagePlace },
): Promise<DecodedPicture> {
  const {
    format,
    limits: { maximumPixels, maximumSeconds },
    place,
  } = options;
  const header = imageHeader(bytes, format, place);
  checkImageSize({ ...header, maximumPixels, place });
  if (header.scans > maximumScans)
    throw new DataError({
      code: 'image-too-large',
      ...place,
      message: `the image is sent in ${header.scans} scans, more than ${maximumScans}; save it anew.`,
    });
  const sharp = await loadSharp(place);
  const input: SharpOptions = { limitInputPixels: maximumPixels, failOn: 'error', ignoreIcc: true };
  try {
    const { space, channels: fileChannels, isPalette } = await sharp(bytes, input).metadata();
    let pipeline = sharp(bytes, input).timeout({ seconds: Math.max(1, Math.ceil(maximumSeconds)) });
    if (space === 'cmyk') pipeline = pipeline.pipelineColourspace('cmyk').toColourspace('cmyk');
    const { data, info } = await pipeline.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
    const pixels = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const size = { width: info.width, height: info.height };
    let picture: DecodedPicture;
    if (space === 'cmyk') picture = { data: cmykToRgb(pixels, info.channels), ...size, channels: 3, isPlainRgb: false };
    else if (info.channels === 3 || info.channels === 4)
      picture = {
        data: pixels,
        ...size,
        channels: info.channels,
        isPlainRgb: space === 'srgb' && fileChannels === 3 && !isPalette,
      };
    else
      picture = {
        data: greyToColour(pixels, info.channels),
        ...size,
        channels: info.channels === 2 ? 4 : 3,
        isPlainRgb: false,
      };
    return turnUpright(picture, readOrientation(header));
  } catch (cause) {
    if (DataError.isInstance(cause)) throw cause;
    if (cause instanceof Error && cause.message.startsWith('timeout:'))
      throw new DataError({
        code: 'image-too-large',
        ...place,
        message: `decoding the image took more than ${maximumSeconds} seconds; save it anew, smaller, or raise the limit (maximumSeconds).`,
        cause,
      });
    throw brokenImage({ place, reason: cause instanceof Error ? cause.message : String(cause), cause });
  }
}
