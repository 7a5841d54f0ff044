import type { Size } from './geometry';
import type { DecodedImage } from './image';
import { ImageError } from './image-error';
import { resizeRgb, type Resampling } from './resample';

/**
 * Pixels that one picture may be prepared to, its tiles together: 4,096 × 4,096, which makes 200 MB of pixel values. A
 * folder's configuration asks for them, so that they are checked before anything is allocated.
 */
export const defaultMaximumPreparedPixels = 2 ** 24;

/** Tiles that a picture may be cut into; published models have 4 to 36. */
export const maximumTiles = 1024;

/** Refuses a size that a picture would be resized or padded to. */
export function checkPreparedSize(options: { from: Size; to: Size; maximumPixels: number }): void {
  const {
    from: [height, width],
    to: [toHeight, toWidth],
    maximumPixels,
  } = options;
  // Rows first, then columns: the picture between the two counts as well.
  if (Math.max(toHeight, height) * toWidth <= maximumPixels) return;
  throw new ImageError({
    code: 'image-too-large',
    message: `A picture of ${width} × ${height} would become ${toWidth} × ${toHeight}, more than ${maximumPixels} pixels on the way. Crop it to a less extreme proportion, or raise \`maximumPixels\`.`,
  });
}

/** A picture in another size, if that is within the limit. */
export function resizeWithin(options: {
  image: DecodedImage;
  to: Size;
  resampling: Resampling;
  maximumPixels: number;
}): DecodedImage {
  const { image, to, resampling, maximumPixels } = options;
  const [toHeight, toWidth] = to;
  checkPreparedSize({ from: [image.height, image.width], to, maximumPixels });
  return { ...image, data: resizeRgb({ ...image, toWidth, toHeight, resampling }), width: toWidth, height: toHeight };
}
