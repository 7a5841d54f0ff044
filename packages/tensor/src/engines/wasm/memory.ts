import { tf } from '../../tensorflow';
import type { EngineMemory } from '../engine';

/** The parts of TensorFlow.js's wasm backend that give a tensor's memory. */
interface WasmMemory {
  makeOutput(shape: number[], dtype: 'float32'): tf.TensorInfo;
  typedArrayFromHeap(tensor: tf.TensorInfo): Float32Array;
  wasm: { _malloc(bytes: number): number; _free(address: number): void };
}

const backend = () => tf.backend() as unknown as WasmMemory;

/** The module's memory, which is the host's to write as well. */
export const wasmMemory: EngineMemory = {
  allocate: (shape) => {
    const tensor = tf.engine().makeTensorFromTensorInfo(backend().makeOutput([...shape], 'float32'));
    return { tensor, view: () => backend().typedArrayFromHeap(tensor) };
  },
  // Each time that memory grows, V8 collects garbage, which costs 20 to 40 ms.
  reserve: (bytes) => {
    const { wasm } = backend();
    try {
      wasm._free(wasm._malloc(bytes));
    } catch {
      // No block of that size: what is there in pieces may do, and if not, the tensor that lacks memory says so.
    }
  },
};
