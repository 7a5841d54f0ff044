import type { SafetensorsFile } from '@subtext/safetensors';
import { engineName, tf } from '@subtext/tensor';

/** Numbers read at once where they go on into the engine's own memory: 4 MiB, which a core's cache holds. */
const pieceLength = 2 ** 20;

/**
 * TensorFlow takes over memory that begins at a multiple of 16 to 64 bytes and frees it from threads of its own, which
 * JavaScript's memory does not bear; other memory it copies at once. Numbers that begin this many bytes into a block are
 * always copied, so that the block can be used again.
 */
const unaligned = 4;

/** The part of tfjs-node's backend that brings a tensor to TensorFlow, which otherwise waits until its first use. */
interface TensorflowUpload {
  getInputTensorIds(tensors: tf.Tensor[]): number[];
}

/** The parts of TensorFlow.js's wasm backend that give a tensor's memory. */
interface WasmMemory {
  makeOutput(shape: number[], dtype: 'float32'): tf.TensorInfo;
  typedArrayFromHeap(tensor: tf.TensorInfo): Float32Array;
}

/**
 * Reads tensors of a safetensors file into the engine's memory as float32, without a second copy of all of them: with the
 * largest first, no more than a fiftieth of the weights, or 36 MiB, is held beside them.
 */
export class TensorReader {
  readonly #file: SafetensorsFile;
  #pieces: [Float32Array, Float32Array] | null = null;
  #block = new ArrayBuffer(0);
  /** Numbers that go to TensorFlow at once; a larger tensor is put together there. */
  readonly #blockLength: number;

  constructor({ file, total }: { file: SafetensorsFile; /** Numbers of all tensors that will be read. */ total: number }) {
    this.#file = file;
    // Blocks above 32 MiB go back to the operating system when they are freed (glibc); smaller ones stay.
    this.#blockLength = Math.max(9 * pieceLength, Math.ceil(total / 50));
  }

  /** @throws SafetensorsError where the file cannot be read */
  async read({ name, shape }: { name: string; /** That the file's tensor has. */ shape: readonly number[] }): Promise<tf.Tensor> {
    const engine = engineName();
    if (engine === 'wasm') return this.#readIntoHeap(name, shape);
    if (engine === 'tensorflow') return this.#upload(name, shape);
    return tf.tensor(await this.#file.readFloat32(name), [...shape], 'float32');
  }

  async #upload(name: string, shape: readonly number[]): Promise<tf.Tensor> {
    const length = shape.reduce((product, size) => product * size, 1);
    const pieces: tf.Tensor1D[] = [];
    try {
      for (let from = 0; from < length || pieces.length === 0; from += this.#blockLength) {
        const count = Math.min(this.#blockLength, length - from);
        if (this.#block.byteLength < 4 * count + unaligned) this.#block = new ArrayBuffer(4 * count + unaligned);
        const piece = tf.tensor1d(await this.#file.readFloat32(name, { into: new Float32Array(this.#block, unaligned, count), from }), 'float32');
        pieces.push(piece);
        (tf.backend() as unknown as TensorflowUpload).getInputTensorIds([piece]);
      }
      return tf.tidy(() => tf.reshape(pieces.length === 1 ? pieces[0]! : tf.concat(pieces), [...shape]));
    } finally {
      tf.dispose(pieces);
    }
  }

  /** Piece by piece: while one is copied, the next is read. */
  async #readIntoHeap(name: string, shape: readonly number[]): Promise<tf.Tensor> {
    const backend = tf.backend() as unknown as WasmMemory;
    const tensor = tf.engine().makeTensorFromTensorInfo(backend.makeOutput([...shape], 'float32'));
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
        backend.typedArrayFromHeap(tensor).set(piece, from);
      }
    } catch (error) {
      tensor.dispose();
      throw error;
    }
    return tensor;
  }
}
