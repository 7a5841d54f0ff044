import type { SafetensorsFile } from '@subtext/safetensors';
import { engineName, tf } from '@subtext/tensor';

/** Numbers read at once where they go on into the engine's own memory: 4 MiB, which a core's cache holds. */
const pieceLength = 2 ** 20;

/**
 * TensorFlow takes over memory that begins at a multiple of this many bytes, and copies other memory. Large blocks begin
 * 16 bytes into a page (glibc), so that numbers that begin 48 bytes into the block lie right; where they do not, they are
 * copied as they would have been.
 */
const alignment = { bytes: 64, offset: 48 };

/** The parts of TensorFlow.js's wasm backend that give a tensor's memory. */
interface WasmMemory {
  makeOutput(shape: number[], dtype: 'float32'): tf.TensorInfo;
  typedArrayFromHeap(tensor: tf.TensorInfo): Float32Array;
}

/** Reads tensors of a safetensors file into the engine's memory as float32, without another copy of them on the way. */
export class TensorReader {
  readonly #file: SafetensorsFile;
  #pieces: [Float32Array, Float32Array] | null = null;

  constructor({ file }: { file: SafetensorsFile }) {
    this.#file = file;
  }

  /** @throws SafetensorsError where the file cannot be read */
  async read({ name, shape }: { name: string; /** That the file's tensor has. */ shape: readonly number[] }): Promise<tf.Tensor> {
    const engine = engineName();
    if (engine === 'wasm') return this.#readIntoHeap(name, shape);
    const length = shape.reduce((product, size) => product * size, 1);
    const into = engine === 'tensorflow' ? new Float32Array(new ArrayBuffer(4 * length + alignment.bytes), alignment.offset, length) : undefined;
    return tf.tensor(await this.#file.readFloat32(name, { into }), [...shape], 'float32');
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
