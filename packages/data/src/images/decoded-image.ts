/** An image as bytes. */
export interface DecodedImage {
  /** Red, green, blue, 0 to 255: `[height, width, 3]` in rows from the top. */
  data: Uint8Array;
  width: number;
  height: number;
}
