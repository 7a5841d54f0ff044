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

/** Tensors of a backend on WebAssembly's memory, for code that works on them where they lie. */
export interface WasmTensors {
  /** All of the memory, as it is now: to be asked for again after anything was allocated. */
  memory(): Uint8Array;
  /** Where a tensor's elements begin in it, in bytes; moves a tensor here that is on another backend. */
  address(tensor: tf.TensorInfo): number;
  /** A new tensor, its contents undefined, which the caller's `tf.tidy` owns. */
  output<T extends tf.Tensor>(
    shape: readonly number[],
    dtype?: tf.DataType,
  ): { tensor: T; /** As `address` gives it. */ address: number };
  /** A tensor whose numbers lie elsewhere: see `storedNumbers`. */
  stored(numbers: StoredNumbers): tf.Tensor2D;
}

/**
 * Another backend of TensorFlow.js by a name of its own on the memory of `wasm`, with all of its operations: an engine
 * can put kernels of its own there in their place, and both can be used in one process. Done once for each name.
 *
 * @throws EngineError `engine-unavailable` where `wasm` does not run
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
  // The module knows tensors by number: those of both backends are counted by one.
  const counter = first as unknown as { dataIdNextNumber: number };
  Object.defineProperty(made, 'dataIdNextNumber', {
    get: () => counter.dataIdNextNumber,
    set: (next: number) => void (counter.dataIdNextNumber = next),
  });
  // The module is the first one's to close.
  made.dispose = () => {};
  return made;
}
