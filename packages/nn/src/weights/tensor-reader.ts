import { toFloat32, type SafetensorsFile, type TensorLocation } from '@subtext/safetensors';
import { engineMemory, tf, type EngineMemory, type StoredDtype, type WeightDtype } from '@subtext/tensor';
import { readSync } from 'node:fs';

import { ModelFolderError } from './model-folder-error';

/** Values per read when reading directly into the engine's memory: 4 MiB, which fits a core's cache. */
const pieceLength = 2 ** 20;
/** 16-bit values read per chunk before widening: 128 KiB, which stays in cache. */
const halvesLength = 2 ** 16;

/**
 * TensorFlow takes ownership of memory aligned to 16 to 64 bytes and frees it from its own threads, which JavaScript
 * memory does not allow; unaligned memory is copied immediately. Starting at this byte offset forces a copy, so that
 * the block can be reused.
 */
const unaligned = 4;

type Allocated = ReturnType<NonNullable<EngineMemory['allocate']>>;

const isStored = (dtype: string): dtype is StoredDtype => dtype === 'F32' || dtype === 'BF16' || dtype === 'F16';

/** Fills `into` with the file's bytes from `position`; returns whether it was filled completely. */
function fill(descriptor: number, into: Float32Array | Uint16Array, position: number): boolean {
  try {
    for (let done = 0; done < into.byteLength;) {
      const bytes = readSync(descriptor, into, done, into.byteLength - done, position + done);
      if (bytes === 0) return false;
      done += bytes;
    }
    return true;
  } catch {
    return false;
  }
}

/**
 * Reads tensors of a safetensors file into the engine's memory as float32, without a second full copy: if the largest
 * come first, the extra memory is at most a fiftieth of the weights, or 36 MiB.
 */
export class TensorReader {
  readonly #file: SafetensorsFile;
  #pieces: [Float32Array, Float32Array] | null = null;
  #halves: Uint16Array | null = null;
  #total: number;
  #block = new ArrayBuffer(0);
  /** Values passed to TensorFlow at once; larger tensors are concatenated there. */
  readonly #blockLength: number;

  constructor({
    file,
    total,
  }: {
    file: SafetensorsFile;
    /** Number of values in all tensors to be read. */ total: number;
  }) {
    this.#file = file;
    this.#total = total;
    // glibc returns blocks above 32 MiB to the operating system when they are freed; smaller ones stay allocated.
    this.#blockLength = Math.max(9 * pieceLength, Math.ceil(total / 50));
  }

  /** @throws SafetensorsError if the file cannot be read */
  async read({
    name,
    shape,
  }: {
    name: string;
    /** That the file's tensor has. */ shape: readonly number[];
  }): Promise<tf.Tensor> {
    return (await this.#readInPlace(name, shape)) ?? this.#readInPieces(name, shape);
  }

  /**
   * Reads a weight into the engine's storage for narrower dtypes, a few megabytes at a time.
   *
   * @throws SafetensorsError if the file cannot be read; TensorError if the dtype cannot represent the values
   */
  async store({
    name,
    shape,
    dtype,
  }: {
    name: string;
    /** That the file's tensor has. */ shape: readonly [number, number];
    /** A dtype that the engine can store. */ dtype: WeightDtype;
  }): Promise<tf.Tensor> {
    const [rows, columns] = shape;
    const rowsAtOnce = Math.max(1, Math.floor((4 * pieceLength) / Math.max(1, columns)));
    const inFile = this.#file.entry(name).dtype;
    if (dtype === 'f16' && inFile !== 'F16')
      throw new ModelFolderError({
        code: 'unsupported-dtype',
        path: name,
        message: `dtype f16 takes weights as they are in the file, where these are ${inFile}: they may be too large for half precision. Take bf16, int8 or int4.`,
      });
    const location = isStored(inFile) ? this.#file.location(name) : null;
    const store = engineMemory().storeWeight!({ dtype, shape });
    try {
      for (let from = 0; from < rows; from += rowsAtOnce) {
        if (from > 0) await new Promise(setImmediate);
        const count = Math.min(rowsAtOnce, rows - from);
        const position = (location?.position ?? 0) + from * columns * (inFile === 'F32' ? 4 : 2);
        if (
          location !== null &&
          isStored(inFile) &&
          store.read({ from, count, descriptor: location.descriptor, position, dtype: inFile })
        )
          continue;
        const into = new Float32Array(count * columns);
        store.write({ from, values: await this.#file.readFloat32(name, { into, from: from * columns }) });
      }
      return store.tensor();
    } finally {
      store.dispose();
    }
  }

  /**
   * Reads directly from the file into the engine's memory if the engine, the file and its dtype allow it. Null if not,
   * or if reading failed: the regular path then reports the error.
   */
  async #readInPlace(name: string, shape: readonly number[]): Promise<tf.Tensor | null> {
    const { dtype } = this.#file.entry(name);
    const location = isStored(dtype) ? this.#file.location(name) : null;
    if (!isStored(dtype) || location === null) return null;
    const { allocate, read, reserve } = engineMemory();
    if (read !== undefined) return read({ ...location, dtype, shape });
    if (allocate === undefined) return null;
    this.#growOnce(reserve);
    return this.#fill(allocate(shape), location, dtype);
  }

  async #readInPieces(name: string, shape: readonly number[]): Promise<tf.Tensor> {
    const { allocate, upload } = engineMemory();
    if (allocate !== undefined) return this.#readInto(allocate(shape), name);
    if (upload !== undefined) return this.#upload(upload, name, shape);
    return tf.tensor(await this.#file.readFloat32(name), [...shape], 'float32');
  }

  /** Reads are synchronous, so that memory cannot grow, and so move, during one; other work runs between chunks. */
  async #fill({ tensor, view }: Allocated, location: TensorLocation, dtype: StoredDtype): Promise<tf.Tensor | null> {
    for (let from = 0; from < tensor.size; from += pieceLength) {
      if (from > 0) await new Promise(setImmediate);
      const piece = view().subarray(from, Math.min(from + pieceLength, tensor.size));
      const read =
        dtype === 'F32'
          ? fill(location.descriptor, piece, location.position + 4 * from)
          : this.#widen(location.descriptor, dtype, piece, location.position + 2 * from);
      if (!read) {
        tensor.dispose();
        return null;
      }
    }
    return tensor;
  }

  /** Grows memory once for all tensors. */
  #growOnce(reserve: EngineMemory['reserve']): void {
    if (this.#total > 0) reserve?.(4 * this.#total);
    this.#total = 0;
  }

  /** Reads and widens `piece.length` 16-bit values from `position`; returns whether all were read. */
  #widen(descriptor: number, dtype: 'BF16' | 'F16', piece: Float32Array, position: number): boolean {
    this.#halves ??= new Uint16Array(halvesLength);
    for (let offset = 0; offset < piece.length; offset += halvesLength) {
      const data = this.#halves.subarray(0, Math.min(halvesLength, piece.length - offset));
      if (!fill(descriptor, data, position + 2 * offset)) return false;
      toFloat32({ dtype, data, into: piece, offset });
    }
    return true;
  }

  async #upload(
    upload: NonNullable<EngineMemory['upload']>,
    name: string,
    shape: readonly number[],
  ): Promise<tf.Tensor> {
    const length = shape.reduce((product, size) => product * size, 1);
    const pieces: tf.Tensor1D[] = [];
    try {
      for (let from = 0; from < length || pieces.length === 0; from += this.#blockLength) {
        const count = Math.min(this.#blockLength, length - from);
        if (this.#block.byteLength < 4 * count + unaligned) this.#block = new ArrayBuffer(4 * count + unaligned);
        const piece = tf.tensor1d(
          await this.#file.readFloat32(name, { into: new Float32Array(this.#block, unaligned, count), from }),
          'float32',
        );
        pieces.push(piece);
        upload(piece);
      }
      return tf.tidy(() => tf.reshape(pieces.length === 1 ? pieces[0]! : tf.concat(pieces), [...shape]));
    } finally {
      tf.dispose(pieces);
    }
  }

  /** Reads in chunks, overlapping the next read with the current copy. */
  async #readInto({ tensor, view }: Allocated, name: string): Promise<tf.Tensor> {
    const length = tensor.size;
    this.#pieces ??= [new Float32Array(pieceLength), new Float32Array(pieceLength)];
    const [first, second] = this.#pieces;
    const read = (from: number): Promise<Float32Array> => {
      const piece = (from / pieceLength) % 2 === 0 ? first : second;
      return this.#file.readFloat32(name, { into: piece.subarray(0, Math.min(pieceLength, length - from)), from });
    };
    try {
      let coming = read(0);
      for (let from = 0; from < length; from += pieceLength) {
        const piece = await coming;
        if (from + pieceLength < length) coming = read(from + pieceLength);
        // Look the buffer up each time: memory may have grown and moved.
        view().set(piece, from);
      }
    } catch (error) {
      tensor.dispose();
      throw error;
    }
    return tensor;
  }
}
