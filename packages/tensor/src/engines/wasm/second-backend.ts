import { tf } from '../../tensorflow';
import { initialiseBackend } from '../backend-state';
import type { StoredNumbers } from '../weight-dtypes';
import { wasmEngine } from './engine';
import { installCopyKernels } from './kernels/copy-kernels';
import { guardAllocation } from './kernels/guard-allocation';
import { installBatchMatMul } from './kernels/batch-mat-mul';
import { wasmBackend, type WasmBackend } from './kernels/wasm-backend';
import { wasmKernelModule } from './kernels/install-wasm-kernels';
import { Workspace } from './kernels/workspace';
import { allowStoredTensors } from './stored-tensors';

/** Access to the tensors of a backend in WebAssembly memory, for code that works on them in place. */
export interface WasmTensors {
  /** The whole memory. Call again after any allocation. */
  memory(): Uint8Array;
  /** Address of a tensor's data in bytes; moves the tensor here if it is on another backend. */
  address(tensor: tf.TensorInfo): number;
  /** Allocates an uninitialised tensor, owned by the caller's `tf.tidy`. */
  output<T extends tf.Tensor>(
    shape: readonly number[],
    dtype?: tf.DataType,
  ): { tensor: T; /** As `address` gives it. */ address: number };
  /** A tensor whose data is stored elsewhere, see `storedNumbers`. */
  stored(numbers: StoredNumbers): tf.Tensor2D;
}

/**
 * Registers another TensorFlow.js backend on the memory of `wasm`, with all of its operations. An engine can replace
 * kernels there, and both backends can be used in one process. Done once per name.
 *
 * @throws EngineError `engine-unavailable` if `wasm` does not run
 */
export async function openOnWasmMemory(name: string): Promise<WasmTensors> {
  await wasmEngine.load();
  const first = wasmBackend();
  if (!tf.findBackendFactory(name)) {
    tf.copyRegisteredKernels('wasm', name);
    tf.registerBackend(name, () => secondBackend(first) as unknown as tf.KernelBackend, 0);
  }
  await initialiseBackend(name);
  const backend = tf.findBackend(name) as unknown as WasmBackend;
  guardAllocation(backend);
  const stored = allowStoredTensors(backend);
  const workspace = new Workspace(backend, wasmKernelModule(first));
  installBatchMatMul(workspace);
  installCopyKernels(workspace);
  return {
    memory: () => backend.wasm.HEAPU8,
    address: (tensor) => workspace.address(tensor),
    output: (shape, dtype) => workspace.output(shape, dtype),
    stored,
  };
}

/** The class of TensorFlow.js's wasm backend. */
type BackendClass = new (wasm: WasmBackend['wasm']) => WasmBackend & { dataIdNextNumber: number; dispose(): void };

function secondBackend(first: WasmBackend): WasmBackend {
  const made = new (first.constructor as unknown as BackendClass)(first.wasm);
  // The module identifies tensors by number, so both backends share one counter.
  const counter = first as unknown as { dataIdNextNumber: number };
  Object.defineProperty(made, 'dataIdNextNumber', {
    get: () => counter.dataIdNextNumber,
    set: (next: number) => void (counter.dataIdNextNumber = next),
  });
  // The module is owned by the first backend.
  made.dispose = () => {};
  return made;
}
