import { FileError, readRegularFile } from '@subtext/core/node';
import { DataError } from '../errors';
import type { ImageReference } from '../reasoning-example';
import { decodePicture, withoutAlpha } from './decode-image';
import type { DecodedImage, DecodedPicture } from './decoded-image';
import { settleImageLimits, type ImageLimits } from './image-limits';

/** An image file, and what it may take up. */
export interface ImageFileOptions extends ImageLimits {
  path: string;
}

/** The bytes of an image file: regular files only, bounded. */
async function readImageFile({ path, ...limits }: ImageFileOptions): Promise<Uint8Array> {
  try {
    return await readRegularFile({ path, maximumBytes: settleImageLimits(limits).maximumBytes });
  } catch (cause) {
    if (!FileError.isInstance(cause)) throw cause;
    if (cause.code === 'not-found')
      throw new DataError({ code: 'image-missing', file: path, message: 'there is no such image.', cause });
    const code = cause.code === 'too-large' ? 'image-too-large' : 'image-broken';
    throw new DataError({ code, file: path, message: `the image can't be read (${cause.message}).`, cause });
  }
}

/**
 * Reads and decodes an image file (PNG, JPEG, WebP, GIF) with its transparency: what a processor takes that lays
 * transparent pictures on white. {@link loadImage} gives red, green and blue alone.
 *
 * @throws DataError `image-missing`, `image-broken`, `image-too-large`, `image-decoder-missing`
 */
export async function loadPicture({ path, ...limits }: ImageFileOptions): Promise<DecodedPicture> {
  return decodePicture({ bytes: await readImageFile({ path, ...limits }), place: { file: path }, ...limits });
}

/**
 * Reads and decodes an image file (PNG, JPEG, WebP, GIF's first frame) to the pixels that transformers' `load_image` sees:
 * upright by its EXIF orientation, then Pillow's `convert("RGB")`, which applies no colour profile and keeps the colours
 * of transparent pixels. Bounded before it is decoded.
 *
 * @throws DataError `image-missing`, `image-broken`, `image-too-large`, `image-decoder-missing`
 */
export async function loadImage(options: ImageFileOptions): Promise<DecodedImage> {
  return withoutAlpha(await loadPicture(options));
}

/** An image in a file. */
export function imageFile(path: string): ImageReference {
  return { path, load: () => loadImage({ path }), loadPicture: () => loadPicture({ path }) };
}

/** An image whose encoded bytes stand inside a data file. */
export function imageBytes(options: { bytes: Uint8Array; file: string; line: number }): ImageReference {
  const { bytes, file, line } = options;
  const decode = () => decodePicture({ bytes, place: { file, line } });
  return { path: `${file}:${line}`, load: async () => withoutAlpha(await decode()), loadPicture: decode };
}
