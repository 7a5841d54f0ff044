import { TensorError } from '../errors';
import type { WasmBackend } from './wasm-backend';

const guarded = new WeakSet<object>();

/** The error of an allocation that failed. */
export function exhausted(bytes: number): TensorError {
  return new TensorError({
    code: 'out-of-memory',
    message: `wasm: no ${(bytes / 2 ** 20).toFixed(1)} MB left of the 4 GB a wasm engine can address. Use a smaller batch or model, or the tensorflow engine.`,
  });
}

/**
 * Makes every allocation of the wasm backend fail loudly. As shipped (4.22) it takes the address 0 that `malloc`
 * answers when memory is exhausted for a block, and its kernels and copies write there: over the module's own data.
 *
 * @throws TensorError `out-of-memory`, from then on, out of whatever allocates
 */
export function guardAllocation({ wasm }: Pick<WasmBackend, 'wasm'>): void {
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
