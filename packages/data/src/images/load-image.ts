import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import { DataError } from '../errors';
import type { ImageReference } from '../reasoning-example';
import type { DecodedImage } from './decoded-image';
import { decodePlainPng } from './plain-png';

async function decode(input: Uint8Array, where: { file: string; line?: number }): Promise<DecodedImage> {
  const plain = decodePlainPng(input);
  if (plain) return plain;
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
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new DataError({
      code: missing ? 'image-missing' : 'image-broken',
      file: path,
      message: missing ? 'there is no such image.' : `the image can't be read (${(cause as Error).message}).`,
      cause,
    });
  }
  return decode(bytes, { file: path });
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
