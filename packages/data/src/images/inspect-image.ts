import { openRegularFile } from '@subtext/core/node';
import { DataError } from '../errors';
import { loadSharp } from './decode-with-sharp';
import { imageFormat, imageFormats, imageHeader } from './image-header';
import { checkImageSize, settleImageLimits } from './image-limits';
import type { ImageFileOptions } from './load-image';

/** The last chunk of every whole PNG. */
const pngEnd = Buffer.from('0000000049454e44ae426082', 'hex');

/** Bytes in which JPEG and WebP say how large they are, unless profiles and thumbnails come first. */
const headBytes = 1 << 18;

/**
 * A quick look at an image file, a few bytes at either end: tells empty files, files that are no image of a format that
 * is decoded (JPEG and WebP where sharp is not installed), images beyond the limits, and PNGs that break off. What only decoding finds, `loadImage` tells.
 *
 * @returns what is wrong, or undefined
 */
export async function inspectImage({ path, ...limits }: ImageFileOptions): Promise<string | undefined> {
  const { maximumPixels, maximumBytes } = settleImageLimits(limits);
  let handle;
  try {
    const opened = await openRegularFile(path);
    handle = opened.handle;
    const { size } = opened;
    if (size === 0) return 'the image is empty';
    if (size > maximumBytes) return `the image has ${size} bytes, more than ${maximumBytes}`;
    const head = Buffer.alloc(Math.min(headBytes, size));
    await handle.read(head, 0, head.length, 0);
    const format = imageFormat(head);
    if (format === undefined) return `the file is no image of a known format (${imageFormats})`;
    const place = {};
    if (format === 'PNG' && size >= 24)
      checkImageSize({ width: head.readUInt32BE(16), height: head.readUInt32BE(20), maximumPixels, place });
    if (format === 'GIF' && size >= 10)
      checkImageSize({
        width: Math.max(1, head.readUInt16LE(6)),
        height: Math.max(1, head.readUInt16LE(8)),
        maximumPixels,
        place,
      });
    if (format === 'JPEG' || format === 'WebP') {
      const header = imageHeader(head, format, place, { partial: head.length < size });
      if (header) checkImageSize({ ...header, maximumPixels, place });
      await loadSharp(place);
    }
    if (format !== 'PNG') return undefined;
    const tail = Buffer.alloc(Math.min(pngEnd.length, size));
    await handle.read(tail, 0, tail.length, size - tail.length);
    // Bytes after the end are allowed, if rare: only a file without it where it belongs is looked at more closely.
    if (tail.equals(pngEnd)) return undefined;
    const whole = Buffer.alloc(size);
    const { bytesRead } = await handle.read(whole, 0, size, 0);
    return whole.subarray(0, bytesRead).includes(pngEnd) ? undefined : 'the image breaks off before its end';
  } catch (error) {
    if (DataError.isInstance(error)) return error.message.replace(/\.$/, '');
    return (error as { code?: string }).code === 'not-found'
      ? 'there is no such image'
      : `the image can't be read (${(error as Error).message})`;
  } finally {
    await handle?.close();
  }
}
