import { TensorError } from '../../../errors';
import { tf } from '../../../tensorflow';
import type { WasmBackend } from './wasm-backend';

const guarded = new WeakSet<object>();

/** The error for a failed allocation. */
export function exhausted(bytes: number): TensorError {
  return new TensorError({
    code: 'out-of-memory',
    message: `wasm: no ${(bytes / 2 ** 20).toFixed(1)} MB left of the 4 GB a wasm engine can address; tensors hold ${(tf.memory().numBytes / 2 ** 20).toFixed(0)} MB. Use a smaller batch or model, or the tensorflow engine.`,
  });
}

/**
 * Makes failed allocations of the wasm backend throw. As shipped (4.22) it treats the address 0, which `malloc` returns
 * when memory is exhausted, as a valid block and overwrites the module's own data.
 *
 * @throws TensorError `out-of-memory`, from any later allocation
 */
export function guardAllocation(
  backend: Pick<WasmBackend, 'wasm'> & Partial<Pick<WasmBackend, 'move' | 'readSync' | 'dataIdMap'>>,
): void {
  const { wasm } = backend;
  if (!guarded.has(backend)) guardCopies(backend);
  guarded.add(backend);
  // Several backends may share a module.
  if (guarded.has(wasm)) return;
  guarded.add(wasm);
  // Emscripten replaces a stub by the real function at the first call.
  wasm._free(wasm._malloc(8));
  const allocate = wasm._malloc.bind(wasm);
  wasm._malloc = (bytes) => {
    // The argument has 32 bits: a larger value would be truncated to a small block.
    const address = bytes < 2 ** 32 ? allocate(bytes) : 0;
    if (address === 0 && bytes > 0) throw exhausted(bytes);
    return address;
  };
}

/**
 * Copies between the host and the backend's memory fail with a bare RangeError if the host is out of memory, or if V8
 * granted less memory than requested, which happens with tensors of gigabytes. Frees the block and throws a typed error.
 */
function guardCopies(
  backend: Partial<Pick<WasmBackend, 'move' | 'readSync' | 'dataIdMap'>> & Pick<WasmBackend, 'wasm'>,
): void {
  const { move, readSync, dataIdMap, wasm } = backend;
  if (!move || !readSync || !dataIdMap) return;
  backend.move = (dataId, values, shape, dtype, refCount) => {
    try {
      move.call(backend, dataId, values, shape, dtype, refCount);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      if (dataIdMap.has(dataId)) {
        wasm._free(dataIdMap.get(dataId).memoryOffset ?? 0);
        dataIdMap.delete(dataId);
      }
      throw exhausted(tf.util.sizeFromShape(shape) * 4);
    }
  };
  backend.readSync = (dataId, start, end) => {
    try {
      return readSync.call(backend, dataId, start, end);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      const bytes = tf.util.sizeFromShape(dataIdMap.get(dataId).shape) * 4;
      throw new TensorError({
        code: 'out-of-memory',
        message: `wasm: no ${(bytes / 2 ** 20).toFixed(1)} MB left in this process to read a tensor into. Read it in parts (tf.slice).`,
        cause: error,
      });
    }
  };
}
