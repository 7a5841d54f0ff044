import { stat } from 'node:fs/promises';
import sharp from 'sharp';
import { DataError } from '../errors';
import type { ImageReference } from '../reasoning-example';

/** An image as bytes. */
export interface DecodedImage {
  /** Red, green, blue, 0 to 255: `[height, width, 3]` in rows from the top. */
  data: Uint8Array;
  width: number;
  height: number;
}

async function decode(input: string | Uint8Array, where: { file: string; line?: number }): Promise<DecodedImage> {
  try {
    const { data, info } = await sharp(input)
      .autoOrient()
      .flatten({ background: 'white' })
      .toColourspace('srgb')
      .raw()
      .toBuffer({ resolveWithObject: true });
    return { data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength), width: info.width, height: info.height };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DataError({ code: 'image-broken', ...where, message: `the image can't be decoded (${reason}); replace it or remove its record.`, cause });
  }
}

/**
 * Reads and decodes an image file (PNG, JPEG, WebP, GIF's first frame, TIFF, AVIF), turned upright by its EXIF
 * orientation, transparent parts over white.
 * @throws DataError `image-missing` or `image-broken`
 */
export async function loadImage(path: string): Promise<DecodedImage> {
  const found = await stat(path).catch(() => undefined);
  if (!found) throw new DataError({ code: 'image-missing', file: path, message: 'there is no such image.' });
  if (!found.isFile()) throw new DataError({ code: 'image-broken', file: path, message: 'this is not a file.' });
  return decode(path, { file: path });
}

/** An image in a file. */
export function imageFile(path: string): ImageReference {
  return { path, load: () => loadImage(path) };
}

/** An image whose encoded bytes stand inside a data file. */
export function imageBytes(options: { bytes: Uint8Array; file: string; line: number }): ImageReference {
  const { bytes, file, line } = options;
  return { path: `${file}:${line}`, load: () => decode(bytes, { file, line }) };
}
