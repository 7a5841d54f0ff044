import type { Size } from './geometry';
import type { DecodedImage } from './image';
import { ImageError } from './image-error';
import { resizeRgb, type Resampling } from './resample';

/**
 * Maximum number of pixels per processed image, all tiles together: 4,096 × 4,096, which is 200 MB of pixel values. Sizes
 * come from a folder's configuration, so they are checked before anything is allocated.
 */
export const defaultMaximumPreparedPixels = 2 ** 24;

/** Maximum number of tiles per image; published models have 4 to 36. */
export const maximumTiles = 1024;

/** @throws ImageError if the size after resizing or padding exceeds the limit */
export function checkPreparedSize(options: { from: Size; to: Size; maximumPixels: number }): void {
  const {
    from: [height, width],
    to: [toHeight, toWidth],
    maximumPixels,
  } = options;
  // Rows are resized first, then columns: the intermediate image counts too.
  if (Math.max(toHeight, height) * toWidth <= maximumPixels) return;
  throw new ImageError({
    code: 'image-too-large',
    message: `An image of ${width} × ${height} would be resized to ${toWidth} × ${toHeight}, which takes more than ${maximumPixels} pixels. Crop it to a less extreme aspect ratio, or raise \`maximumPixels\`.`,
  });
}

/** Resizes an image, if the size is within the limit. */
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
