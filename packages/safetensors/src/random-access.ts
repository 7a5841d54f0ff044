/** Bytes that can be read at any position: a file, a Blob, or a URL that supports range requests. */
export interface RandomAccessSource {
  /** Length in bytes. */
  readonly byteLength: number;
  /** Name for messages: a path or URL. */
  readonly label?: string;
  /** File descriptor, if the source is one open file. */
  readonly descriptor?: number;
  /**
   * Fills `into` with the bytes starting at `position`. Reads may run concurrently.
   * @throws SafetensorsError `truncated` if there are fewer bytes
   */
  read(options: { position: number; into: Uint8Array }): Promise<void>;
  /** Releases the source's resources. */
  close(): Promise<void>;
}
