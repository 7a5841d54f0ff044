import type { PictureBatch } from './reasoner-batch';

/** How 8-bit pixels become a model's inputs: `(value / 255 − mean) / deviation`, channel by channel. */
export interface PixelScaling {
  /** Of red, green and blue, in 0 … 1. */
  mean: readonly [number, number, number];
  deviation: readonly [number, number, number];
}

/** The pixels of a batch as float32, in the batch's own order `[count, height, width, 3]`. */
export function pixelValues({ pictures, scaling: { mean, deviation } }: { pictures: PictureBatch; scaling: PixelScaling }): Float32Array {
  const { data } = pictures;
  // One table of 256 values a channel: a look-up is cheaper than the arithmetic.
  const tables = mean.map((center, channel) => Float32Array.from({ length: 256 }, (_, value) => (value / 255 - center) / deviation[channel]!));
  const [red, green, blue] = tables as [Float32Array, Float32Array, Float32Array];
  const values = new Float32Array(data.length);
  for (let i = 0; i < data.length; i += 3) {
    values[i] = red[data[i]!]!;
    values[i + 1] = green[data[i + 1]!]!;
    values[i + 2] = blue[data[i + 2]!]!;
  }
  return values;
}
