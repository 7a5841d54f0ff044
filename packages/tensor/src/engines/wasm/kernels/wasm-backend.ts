import { tf } from '../../../tensorflow';
import { TensorError } from '../../../errors';
import type { WebAssemblyMemory } from './web-assembly';

/** The parts of TensorFlow.js's wasm backend that our kernels use. */
export interface WasmBackend {
  wasm: {
    /** The emscripten instance's exports. */
    asm: { memory: WebAssemblyMemory };
    /** Signed address of a new block. As shipped, 0 if memory is exhausted; `guardAllocation` makes it throw. */
    _malloc(bytes: number): number;
    _free(address: number): void;
    /** Replaced by Emscripten whenever memory grows. */
    HEAPU8: Uint8Array;
  };
  dataIdMap: {
    get(dataId: object): { memoryOffset: number | null; shape: number[] };
    has(dataId: object): boolean;
    delete(dataId: object): boolean;
  };
  move(dataId: object, values: ArrayBufferView | null, shape: number[], dtype: tf.DataType, refCount: number): void;
  readSync(dataId: object, start?: number, end?: number): ArrayBufferView;
  makeOutput(shape: number[], dtype: tf.DataType): tf.TensorInfo;
  incRef(dataId: object): void;
}

/**
 * The wasm backend of this process.
 *
 * @throws TensorError `engine-unavailable` if `@tensorflow/tfjs-backend-wasm` has not been set up.
 */
export function wasmBackend(): WasmBackend {
  const backend = tf.findBackend('wasm') as unknown as WasmBackend | null;
  if (!backend) {
    throw new TensorError({
      code: 'engine-unavailable',
      message: "wasm: the backend is not initialised. Call useEngine({ engine: 'wasm' }) first.",
    });
  }
  return backend;
}
