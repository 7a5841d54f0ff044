/** A row-major array with a shape, which encoders accept as a tensor; needs no engine. */
export interface NumberArray<Data extends Float32Array | Int32Array = Float32Array> {
  data: Data;
  shape: number[];
}

/** Output of an image processor, named as in transformers, in camel case. */
export interface ProcessedImages {
  /**
   * Channels first. CLIP, SigLIP, LLaVA `[images, channels, height, width]`;
   * Idefics3 `[samples, tiles, channels, height, width]`;
   * Mllama `[samples, images, tiles, channels, height, width]`.
   */
  pixelValues: NumberArray;
  /** Idefics3: 1 for image pixels, 0 for padding, `[samples, tiles, height, width]` */
  pixelAttentionMask?: NumberArray<Int32Array>;
  /** Idefics3: rows and columns of tiles per sample and image, 0 if the image was not split */
  rows?: number[][];
  columns?: number[][];
  /** Mllama: id of the tile arrangement, from 1; 0 for padding images, `[samples, images]` */
  aspectRatioIds?: NumberArray<Int32Array>;
  /** Mllama: 1 for used tiles, `[samples, images, tiles]` */
  aspectRatioMask?: NumberArray<Int32Array>;
  /** Mllama: number of tiles per sample and image */
  numTiles?: number[][];
}

/** Maximum of non-negative integers, 0 if empty; `Math.max(...)` throws a RangeError for long lists. */
export function largest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), 0);
}
