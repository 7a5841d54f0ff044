import { requireLittleEndian, storageArray, dtypeByteSizes, type Dtype, type StorageArray } from './dtype';
import { toFloat32 } from './float-conversion';
import {
  headerByteLength,
  parseHeader,
  prefixBytes,
  unsupportedDtype,
  type ForeignEntry,
  type Header,
  type PlacedEntry,
  type TensorEntry,
} from './header';
import type { RandomAccessSource } from './random-access';
import { quoted, SafetensorsError } from './safetensors-error';

/** Chunk size for conversions, in bytes. */
const conversionChunkBytes = 1 << 20;

/** A tensor read from a file. */
export interface TensorData<D extends Dtype = Dtype> {
  /** Dtype, by its name in the format. */
  dtype: D;
  /** Size of each dimension, in row-major order; empty for a scalar. */
  shape: number[];
  /** The elements in row-major order, bit for bit; F16 and BF16 as raw bits, BOOL as bytes. */
  data: StorageArray<D>;
}

/** Position of a tensor in an open file. */
export interface TensorLocation {
  /** File descriptor, open for reading. */
  descriptor: number;
  /** Offset of the tensor's first byte in the file. */
  position: number;
}

/** An open file, or the open files of a sharded model: headers are in memory, tensors are read on request. */
export interface SafetensorsFile {
  /** Names of the tensors, by file and position. */
  readonly names: readonly string[];
  /** Key–value pairs of `__metadata__`, merged over the files of a sharded model. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Whether there is a tensor with that name. */
  has(name: string): boolean;
  /** Header entry of a tensor. @throws SafetensorsError `unknown-tensor`, `unsupported-dtype` */
  entry(name: string): TensorEntry;
  /**
   * Reads one tensor, bit for bit, into newly allocated memory or `into`.
   *
   * @param options.into output array, whose byte length must equal the tensor's. Default: a new array
   * @throws SafetensorsError `unknown-tensor`, `unsupported-dtype`, `invalid-tensor`, `truncated`, `input-output`, `closed`
   */
  read(name: string, options?: { into?: StorageArray }): Promise<TensorData>;
  /**
   * Reads one tensor as float32, whatever its dtype, using at most 2 MiB of memory beyond the result.
   *
   * @param options.into output array with as many elements as the tensor. Default: a new array
   * @param options.from index of the first element to read; `into` may then be shorter. @default the whole tensor
   * @throws as `read`
   */
  readFloat32(
    name: string,
    options?: { into?: Float32Array } | { into: Float32Array; from: number },
  ): Promise<Float32Array>;
  /**
   * Position of a tensor's bytes, for reading them by other means; null if the source is not a local file. Valid until
   * the file is closed.
   *
   * @throws SafetensorsError `unknown-tensor`, `closed`
   */
  location(name: string): TensorLocation | null;
  /** Closes the file; reads after it throw `closed`. */
  close(): Promise<void>;
}

/** A single file over any source. Created by `openSafetensors` or `openSafetensorsFrom`. */
export class SourceFile implements SafetensorsFile {
  readonly names: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly #entries: Map<string, PlacedEntry>;
  readonly #foreign: ReadonlyMap<string, ForeignEntry>;
  #closed = false;

  readonly #source: RandomAccessSource;
  readonly #dataStart: number;
  constructor(source: RandomAccessSource, header: Header, dataStart: number) {
    this.#source = source;
    this.#dataStart = dataStart;

    this.#entries = header.entries;
    this.#foreign = header.foreign;
    this.names = header.names;
    this.metadata = header.metadata;
  }

  has(name: string): boolean {
    return this.#entries.has(name) || this.#foreign.has(name);
  }

  entry(name: string): TensorEntry {
    const { dtype, shape, byteLength } = this.#placed(name);
    return { dtype, shape: [...shape], byteLength };
  }

  async read(name: string, options: { into?: StorageArray } = {}): Promise<TensorData> {
    const { dtype, shape, byteLength, begin } = this.#placed(name);
    const { into } = options;
    if (into !== undefined && into.byteLength !== byteLength) {
      throw this.#misfit(name, `the destination has ${into.byteLength} bytes, the tensor ${byteLength}`);
    }
    const bytes =
      into === undefined
        ? new Uint8Array(allocate(byteLength, this.#source.label))
        : new Uint8Array(into.buffer, into.byteOffset, into.byteLength);
    await this.#fill(begin, bytes);
    return { dtype, shape: [...shape], data: storageArray(dtype, bytes) };
  }

  async readFloat32(name: string, options: { into?: Float32Array; from?: number } = {}): Promise<Float32Array> {
    const { dtype, ...entry } = this.#placed(name);
    const byteSize = dtypeByteSizes[dtype];
    const { from = 0 } = options;
    const whole = entry.byteLength / byteSize;
    if (
      options.from !== undefined &&
      (options.into === undefined || !Number.isInteger(from) || from < 0 || from + options.into.length > whole)
    ) {
      throw this.#misfit(name, `${options.into?.length ?? 0} numbers from index ${from} on are not among its ${whole}`);
    }
    const length = options.from === undefined ? whole : options.into!.length;
    const byteLength = length * byteSize;
    const begin = entry.begin + from * byteSize;
    if (options.into !== undefined && options.into.length !== length) {
      throw this.#misfit(name, `the destination has ${options.into.length} numbers, the tensor ${length}`);
    }
    const into = options.into ?? new Float32Array(allocate(length * 4, this.#source.label));
    if (dtype === 'F32') {
      await this.#fill(begin, new Uint8Array(into.buffer, into.byteOffset, into.byteLength));
      return into;
    }
    // Read the next chunk while converting the current one.
    const chunks = Array.from(
      { length: byteLength > conversionChunkBytes ? 2 : 1 },
      () => new Uint8Array(allocate(Math.min(byteLength, conversionChunkBytes), this.#source.label)),
    );
    const fill = async (done: number): Promise<Uint8Array> => {
      const chunk = chunks[(done / conversionChunkBytes) % 2]!.subarray(
        0,
        Math.min(conversionChunkBytes, byteLength - done),
      );
      await this.#fill(begin + done, chunk);
      return chunk;
    };
    let coming = fill(0);
    for (let done = 0; done < byteLength; done += conversionChunkBytes) {
      const part = await coming;
      if (done + conversionChunkBytes < byteLength) coming = fill(done + conversionChunkBytes);
      toFloat32({ dtype, data: storageArray(dtype, part), into, offset: done / byteSize });
    }
    return into;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#source.close();
  }

  location(name: string): TensorLocation | null {
    const { begin } = this.#placed(name);
    this.#requireOpen();
    const { descriptor } = this.#source;
    return descriptor === undefined ? null : { descriptor, position: this.#dataStart + begin };
  }

  #requireOpen(): void {
    if (this.#closed)
      throw new SafetensorsError({ code: 'closed', message: 'the file was closed', path: this.#source.label });
  }

  async #fill(begin: number, into: Uint8Array): Promise<void> {
    this.#requireOpen();
    if (into.byteLength > 0) await this.#source.read({ position: this.#dataStart + begin, into });
  }

  #placed(name: string): PlacedEntry {
    const entry = this.#entries.get(name);
    const foreign = this.#foreign.get(name);
    if (foreign !== undefined) throw unsupportedDtype({ name, dtype: foreign.dtype, path: this.#source.label });
    if (entry === undefined) throw unknownTensor({ name, names: this.names, path: this.#source.label });
    return entry;
  }

  #misfit(name: string, message: string): SafetensorsError {
    return new SafetensorsError({
      code: 'invalid-tensor',
      message: `${quoted(name)}: ${message}`,
      path: this.#source.label,
    });
  }
}

/** The error for an unknown tensor name; suggests similar names. */
export function unknownTensor(options: { name: string; names: readonly string[]; path?: string }): SafetensorsError {
  const { name, names, path } = options;
  const tail = name.split('.').at(-1)!;
  const similar = names.filter(
    (other) => other.endsWith(name) || name.endsWith(other) || other.split('.').at(-1) === tail,
  );
  const shown = (similar.length > 0 ? similar : names).slice(0, 5).map(quoted).join(', ');
  const hint = names.length === 0 ? 'there are none' : `there are ${names.length}, such as ${shown}`;
  return new SafetensorsError({ code: 'unknown-tensor', message: `no tensor is named ${quoted(name)}; ${hint}`, path });
}

/** Allocates a buffer, or throws a typed error if there is not enough memory. */
export function allocate(byteLength: number, path?: string): ArrayBuffer {
  try {
    return new ArrayBuffer(byteLength);
  } catch (cause) {
    throw new SafetensorsError({
      code: 'input-output',
      message: `can't allocate ${byteLength} bytes: ${(cause as Error).message}`,
      path,
      cause,
    });
  }
}

/**
 * Opens a safetensors file over any source: reads and validates its header. Closes the source if opening fails.
 *
 * @throws SafetensorsError `truncated`, `header-too-large`, `invalid-header`, `duplicate-name`, `unsupported-dtype`,
 *   `invalid-shape`, `invalid-offsets`
 */
export async function openSafetensorsFrom(source: RandomAccessSource): Promise<SafetensorsFile> {
  try {
    requireLittleEndian();
    const prefix = new Uint8Array(prefixBytes);
    if (source.byteLength >= prefixBytes) await source.read({ position: 0, into: prefix });
    const headerBytes = headerByteLength({ prefix, fileBytes: source.byteLength });
    const bytes = new Uint8Array(allocate(headerBytes, source.label));
    if (headerBytes > 0) await source.read({ position: prefixBytes, into: bytes });
    const dataStart = prefixBytes + headerBytes;
    return new SourceFile(source, parseHeader({ bytes, dataBytes: source.byteLength - dataStart }), dataStart);
  } catch (error) {
    await source.close();
    throw withPath(error, source.label);
  }
}

/** The same error with the path of its file. */
export function withPath(error: unknown, path: string | undefined): unknown {
  if (!SafetensorsError.isInstance(error) || error.path !== undefined || path === undefined) return error;
  return new SafetensorsError({ code: error.code, message: error.message, path, cause: error.cause });
}
