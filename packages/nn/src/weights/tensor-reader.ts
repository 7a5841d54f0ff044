import { toFloat32, type SafetensorsFile, type TensorLocation } from '@subtext/safetensors';
import { engineMemory, tf, type EngineMemory, type StoredDtype, type WeightDtype } from '@subtext/tensor';
import { readSync } from 'node:fs';

import { ModelFolderError } from './model-folder-error';

/** Numbers read at once where they go on into the engine's own memory: 4 MiB, which a core's cache holds. */
const pieceLength = 2 ** 20;
/** 16-bit numbers read at a time before they are widened: 128 KiB, which stay near the core. */
const halvesLength = 2 ** 16;

/**
 * TensorFlow takes over memory that begins at a multiple of 16 to 64 bytes and frees it from threads of its own, which
 * JavaScript's memory does not bear; other memory it copies at once. Numbers that begin this many bytes into a block are
 * always copied, so that the block can be used again.
 */
const unaligned = 4;

type Allocated = ReturnType<NonNullable<EngineMemory['allocate']>>;

const isStored = (dtype: string): dtype is StoredDtype => dtype === 'F32' || dtype === 'BF16' || dtype === 'F16';

/** Whether `into` was filled with the file's bytes from `position` on. */
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
 * Reads tensors of a safetensors file into the engine's memory as float32, without a second copy of all of them: with the
 * largest first, no more than a fiftieth of the weights, or 36 MiB, is held beside them.
 */
export class TensorReader {
  readonly #file: SafetensorsFile;
  #pieces: [Float32Array, Float32Array] | null = null;
  #halves: Uint16Array | null = null;
  #total: number;
  #block = new ArrayBuffer(0);
  /** Numbers that go to TensorFlow at once; a larger tensor is put together there. */
  readonly #blockLength: number;

  constructor({
    file,
    total,
  }: {
    file: SafetensorsFile;
    /** Numbers of all tensors that will be read. */ total: number;
  }) {
    this.#file = file;
    this.#total = total;
    // Blocks above 32 MiB go back to the operating system when they are freed (glibc); smaller ones stay.
    this.#blockLength = Math.max(9 * pieceLength, Math.ceil(total / 50));
  }

  /** @throws SafetensorsError where the file cannot be read */
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
   * Reads a weight into what the engine stores in fewer bits, some megabytes at a time.
   *
   * @throws SafetensorsError where the file cannot be read; TensorError where the dtype cannot hold the numbers
   */
  async store({
    name,
    shape,
    dtype,
  }: {
    name: string;
    /** That the file's tensor has. */ shape: readonly [number, number];
    /** One that the engine stores. */ dtype: WeightDtype;
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
   * Straight from the file into the engine's memory, where the engine, the file and its dtype allow; null where not, or
   * where reading failed: then the usual way says what is wrong.
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

  /** Reads wait for nothing, so that memory cannot grow, and move, under them; between pieces other work has its turn. */
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

  /** Has memory grow for all tensors at once. */
  #growOnce(reserve: EngineMemory['reserve']): void {
    if (this.#total > 0) reserve?.(4 * this.#total);
    this.#total = 0;
  }

  /** Whether as many 16-bit numbers as `piece` takes were read from `position` on. */
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

  /** Piece by piece: while one is copied, the next is read. */
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
        // Looked up anew each time: memory that has grown meanwhile lies elsewhere.
        view().set(piece, from);
      }
    } catch (error) {
      tensor.dispose();
      throw error;
    }
    return tensor;
  }
}
