import { TensorError } from '../../../errors';
import { tf } from '../../../tensorflow';
import type { WasmBackend } from './wasm-backend';

const guarded = new WeakSet<object>();

/** The error of an allocation that failed. */
export function exhausted(bytes: number): TensorError {
  return new TensorError({
    code: 'out-of-memory',
    message: `wasm: no ${(bytes / 2 ** 20).toFixed(1)} MB left of the 4 GB a wasm engine can address; tensors hold ${(tf.memory().numBytes / 2 ** 20).toFixed(0)} MB. Use a smaller batch or model, or the tensorflow engine.`,
  });
}

/**
 * Makes every allocation of the wasm backend fail loudly. As shipped (4.22) it takes the address 0 that `malloc`
 * answers when memory is exhausted for a block, and its kernels and copies write there: over the module's own data.
 *
 * @throws TensorError `out-of-memory`, from then on, out of whatever allocates
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
  // Emscripten puts the real function in the place of a stub at the first call.
  wasm._free(wasm._malloc(8));
  const allocate = wasm._malloc.bind(wasm);
  wasm._malloc = (bytes) => {
    // The argument is 32 bits wide: more would be cut down to a small block.
    const address = bytes < 2 ** 32 ? allocate(bytes) : 0;
    if (address === 0 && bytes > 0) throw exhausted(bytes);
    return address;
  };
}

/**
 * Copies between the host and the backend's memory fail with a bare RangeError where the host has no room for its side,
 * or V8 gave the memory fewer bytes than it was asked for: tensors of gigabytes. The block is given back.
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
