/** Numbers with a shape, row-major: what an encoder takes as a tensor, without an engine. */
export interface NumberArray<Data extends Float32Array | Int32Array = Float32Array> {
  data: Data;
  shape: number[];
}

/** What a processor makes of pictures; named as transformers names them, in camel case. */
export interface ProcessedImages {
  /**
   * Channels first. CLIP, SigLIP, LLaVA `[images, channels, height, width]`;
   * Idefics3 `[samples, tiles, channels, height, width]`;
   * Mllama `[samples, images, tiles, channels, height, width]`.
   */
  pixelValues: NumberArray;
  /** Idefics3: 1 where a pixel is the picture's, `[samples, tiles, height, width]` */
  pixelAttentionMask?: NumberArray<Int32Array>;
  /** Idefics3: rows and columns of tiles by sample and picture, 0 where a picture was not split */
  rows?: number[][];
  columns?: number[][];
  /** Mllama: number of the tile arrangement, from 1; 0 where a sample has fewer pictures, `[samples, images]` */
  aspectRatioIds?: NumberArray<Int32Array>;
  /** Mllama: 1 where a tile is used, `[samples, images, tiles]` */
  aspectRatioMask?: NumberArray<Int32Array>;
  /** Mllama: tiles by sample and picture */
  numTiles?: number[][];
}

/** The largest of some whole numbers, 0 of none; `Math.max(...)` ends in a RangeError where they are many. */
export function largest(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), 0);
}
