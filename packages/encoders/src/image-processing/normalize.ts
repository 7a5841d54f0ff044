import type { DecodedImage } from './image';

/** Conversion of bytes to pixel values. */
export interface ValueScale {
  /** Factor for bytes; null for no rescaling. */
  rescaleFactor: number | null;
  /** Mean and standard deviation per channel, applied after rescaling; null for no normalisation. */
  normalization: { mean: readonly number[]; deviation: readonly number[] } | null;
}

/**
 * Lookup tables of 256 values per channel, rounded in the order of transformers:
 * `float32(byte · factor)` in double precision, then `(value − mean) / deviation` in single.
 */
function valueTables({ rescaleFactor, normalization }: ValueScale): Float32Array[] {
  return [0, 1, 2].map((channel) => {
    const table = new Float32Array(256);
    for (let byte = 0; byte < 256; byte += 1) {
      const value = Math.fround(rescaleFactor === null ? byte : byte * rescaleFactor);
      table[byte] =
        normalization === null
          ? value
          : Math.fround(value - Math.fround(normalization.mean[channel]!)) /
            Math.fround(normalization.deviation[channel]!);
    }
    return table;
  });
}

/** Writes images as pixel values, channels first. */
export class PixelWriter {
  readonly #tables: Float32Array[];

  constructor(scale: ValueScale) {
    this.#tables = valueTables(scale);
  }

  /**
   * Writes an image to the top left of a plane of `planeHeight` × `planeWidth`; the rest of the plane is unchanged.
   *
   * @param options.target `[…, 3, planeHeight, planeWidth]`
   * @param options.offset index of the image's first value
   */
  write(options: {
    image: DecodedImage;
    target: Float32Array;
    offset: number;
    planeHeight: number;
    planeWidth: number;
  }): void {
    const { image, target, offset, planeHeight, planeWidth } = options;
    const plane = planeHeight * planeWidth;
    for (let channel = 0; channel < 3; channel += 1) {
      const table = this.#tables[channel]!;
      for (let y = 0; y < image.height; y += 1) {
        const to = offset + channel * plane + y * planeWidth;
        const from = y * image.width * 3 + channel;
        for (let x = 0; x < image.width; x += 1) target[to + x] = table[image.data[from + x * 3]!]!;
      }
    }
  }
}
