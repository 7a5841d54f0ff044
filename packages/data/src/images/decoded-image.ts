/** An image as bytes. */
export interface DecodedImage {
  /** Red, green, blue, 0 to 255: `[height, width, 3]` in rows from the top. */
  data: Uint8Array;
  width: number;
  height: number;
}

/** An image as its file holds it: with its transparency, where it has one. */
export interface DecodedPicture {
  /** `[height, width, channels]` in rows from the top. */
  data: Uint8Array;
  width: number;
  height: number;
  /** 3: red, green, blue; 4: and alpha. The colours of transparent pixels are kept. */
  channels: 3 | 4;
  /** False where the file held grey, palette, CMYK or transparent pixels. */
  isPlainRgb: boolean;
}
