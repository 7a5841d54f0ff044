import { DataError } from '../errors';
import { decodeGif } from './decode-gif';
import { decodePng } from './decode-png';
import { decodeWithSharp } from './decode-with-sharp';
import type { DecodedImage, DecodedPicture } from './decoded-image';
import { imageFormat, imageFormats } from './image-header';
import { brokenImage, settleImageLimits, type ImageLimits, type ImagePlace } from './image-limits';

export interface DecodePictureOptions extends ImageLimits {
  /** The bytes of a PNG, JPEG, WebP or GIF file. */
  bytes: Uint8Array;
  /** Where they stand, for messages. */
  place?: ImagePlace;
}

/**
 * Decodes a picture as Pillow, so that a model sees what transformers would show it: upright by EXIF (or XMP), colour
 * profiles not applied, CMYK by Pillow's formula, 16-bit colours by their high byte, 16-bit greys above 255 white,
 * animated files by their first frame. Size, bytes and time are bounded before anything is decoded.
 *
 * @throws DataError `image-broken`, `image-too-large`, `image-decoder-missing`
 */
export async function decodePicture(options: DecodePictureOptions): Promise<DecodedPicture> {
  const { bytes, place = {} } = options;
  const limits = settleImageLimits(options);
  if (bytes.length > limits.maximumBytes)
    throw new DataError({
      code: 'image-too-large',
      ...place,
      message: `the image has ${bytes.length} bytes, more than ${limits.maximumBytes}.`,
    });
  if (bytes.length === 0) throw brokenImage({ place, reason: 'it is empty' });
  const format = imageFormat(bytes);
  const { maximumPixels } = limits;
  if (format === undefined) throw brokenImage({ place, reason: `it is no ${imageFormats} file` });
  if (format === 'PNG') return decodePng(bytes, { maximumPixels, place });
  if (format === 'GIF') return decodeGif(bytes, { maximumPixels, place });
  return decodeWithSharp(bytes, { format, limits, place });
}

/** Red, green and blue of a picture; those of transparent pixels are kept, as Pillow's `convert("RGB")` keeps them. */
export function withoutAlpha(picture: DecodedPicture): DecodedImage {
  const { data, width, height, channels } = picture;
  if (channels === 3) return { data, width, height };
  const out = new Uint8Array(width * height * 3);
  for (let from = 0, at = 0; from < data.length; from += 4, at += 3) {
    out[at] = data[from]!;
    out[at + 1] = data[from + 1]!;
    out[at + 2] = data[from + 2]!;
  }
  return { data: out, width, height };
}
