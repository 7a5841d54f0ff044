import { tf } from '../../tensorflow';
import type { EngineMemory } from '../engine';

/** The parts of TensorFlow.js's wasm backend that expose a tensor's memory. */
interface WasmMemory {
  makeOutput(shape: number[], dtype: 'float32'): tf.TensorInfo;
  typedArrayFromHeap(tensor: tf.TensorInfo): Float32Array;
  wasm: { _malloc(bytes: number): number; _free(address: number): void };
}

const backend = () => tf.backend() as unknown as WasmMemory;

/** The module's memory, which the host can write directly. */
export const wasmMemory: EngineMemory = {
  allocate: (shape) => {
    const tensor = tf.engine().makeTensorFromTensorInfo(backend().makeOutput([...shape], 'float32'));
    return { tensor, view: () => backend().typedArrayFromHeap(tensor) };
  },
  // Every growth of the memory triggers a V8 garbage collection of 20 to 40 ms.
  reserve: (bytes) => {
    const { wasm } = backend();
    try {
      wasm._free(wasm._malloc(bytes));
    } catch {
      // No contiguous block of that size: smaller ones may suffice; if not, the allocation of a tensor throws later.
    }
  },
};
