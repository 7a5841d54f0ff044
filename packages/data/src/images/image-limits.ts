import { DataError } from '../errors';

/** What an image file may ask for. Files from strangers can be small and become large: these are checked before decoding. */
export interface ImageLimits {
  /** Width times height. Default 89,478,485, above which Pillow warns of a decompression bomb: 268 MB of pixels. */
  maximumPixels?: number;
  /** Bytes of the file. Default 268,435,456. */
  maximumBytes?: number;
  /** Seconds that decoding may take. Default 60. */
  maximumSeconds?: number;
}

export const defaultImageLimits = { maximumPixels: 89_478_485, maximumBytes: 2 ** 28, maximumSeconds: 60 } as const;

/** Scans of a progressive JPEG: encoders write about ten, and each costs the time of the whole picture. */
export const maximumScans = 200;

/** Pixels along one side: JPEG and GIF can say no more, and a longer PNG is one that resizers break on. */
const longestSide = 65_535;

/** Where an image stands: its file, or the data file and line that hold it. */
export interface ImagePlace {
  file?: string;
  line?: number;
}

/** Limits with their defaults. */
export function settleImageLimits(limits: ImageLimits = {}): Required<ImageLimits> {
  return {
    maximumPixels: limits.maximumPixels ?? defaultImageLimits.maximumPixels,
    maximumBytes: limits.maximumBytes ?? defaultImageLimits.maximumBytes,
    maximumSeconds: limits.maximumSeconds ?? defaultImageLimits.maximumSeconds,
  };
}

/** Refuses a size that is none, or more pixels than are allowed. */
export function checkImageSize(options: {
  width: number;
  height: number;
  maximumPixels: number;
  place: ImagePlace;
}): void {
  const { width, height, maximumPixels, place } = options;
  if (width < 1 || height < 1) throw brokenImage({ place, reason: `it says that it has ${width} × ${height} pixels` });
  if (width > longestSide || height > longestSide)
    throw new DataError({
      code: 'image-too-large',
      ...place,
      message: `the image has ${width} × ${height} pixels; a side may have ${longestSide}.`,
    });
  if (width * height > maximumPixels) {
    throw new DataError({
      code: 'image-too-large',
      ...place,
      message: `the image has ${width} × ${height} pixels, more than ${maximumPixels}; make it smaller, or raise \`maximumPixels\` if you trust it.`,
    });
  }
}

/** The error of a file that can't be decoded. */
export function brokenImage(options: { place: ImagePlace; reason: string; cause?: unknown }): DataError {
  const { place, reason, cause } = options;
  return new DataError({
    code: 'image-broken',
    ...place,
    message: `the image can't be decoded (${reason}); replace it or remove its record.`,
    cause,
  });
}
