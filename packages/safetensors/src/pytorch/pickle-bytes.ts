import { SafetensorsError } from '../safetensors-error';

export const invalid = (message: string) =>
  new SafetensorsError({ code: 'invalid-pickle', message: `its pickle ${message}` });

/** Reads the bytes of a pickle sequentially. */
export class PickleBytes {
  position: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #text = new TextDecoder('utf-8', { fatal: true });

  constructor(bytes: Uint8Array, position: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.position = position;
  }

  /** Advances by `count` bytes and returns their position. */
  #take(count: number): number {
    const from = this.position;
    if (count > this.#bytes.length - from)
      throw new SafetensorsError({ code: 'truncated', message: `its pickle ends at byte ${this.#bytes.length}` });
    this.position += count;
    return from;
  }

  uint8 = () => this.#view.getUint8(this.#take(1));
  uint16 = () => this.#view.getUint16(this.#take(2), true);
  uint32 = () => this.#view.getUint32(this.#take(4), true);
  int32 = () => this.#view.getInt32(this.#take(4), true);
  float64 = () => this.#view.getFloat64(this.#take(8), false);

  uint64(): number {
    const value = this.#view.getBigUint64(this.#take(8), true);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw invalid(`has a length of ${value} bytes`);
    return Number(value);
  }

  raw(length: number): Uint8Array {
    const from = this.#take(length);
    return this.#bytes.subarray(from, from + length);
  }

  text(length: number): string {
    try {
      return this.#text.decode(this.raw(length));
    } catch (cause) {
      if (SafetensorsError.isInstance(cause)) throw cause;
      throw invalid('holds text that is not UTF-8');
    }
  }

  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.position);
    if (end < 0) throw new SafetensorsError({ code: 'truncated', message: 'its pickle ends within a line' });
    const text = this.text(end - this.position);
    this.position = end + 1;
    return text;
  }

  /** A little-endian two's complement integer, as a number if that is exact. */
  long(length: number): number | bigint {
    if (length > 32) throw invalid(`holds an integer of ${length} bytes`);
    const bytes = this.raw(length);
    let value = 0n;
    for (let index = length - 1; index >= 0; index--) value = (value << 8n) | BigInt(bytes[index]!);
    value = BigInt.asIntN(8 * Math.max(1, length), value);
    return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
  }
}
