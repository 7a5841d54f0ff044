/** Bytes that can be read at any position: a file, a Blob, an address that serves ranges. */
export interface RandomAccessSource {
  /** Length in bytes. */
  readonly byteLength: number;
  /** A name for messages: a path or an address. */
  readonly label?: string;
  /** The operating system's descriptor, where the source is one open file. */
  readonly descriptor?: number;
  /**
   * Fills `into` with the bytes from `position` on. Reads may overlap in time.
   * @throws SafetensorsError `truncated` where fewer bytes are there
   */
  read(options: { position: number; into: Uint8Array }): Promise<void>;
  /** Gives back what the source holds. */
  close(): Promise<void>;
}
