import { binary as relaxedSimdBinary } from './generated/relaxed-simd-kernels';
import { binary as simdBinary } from './generated/simd-kernels';
import { TensorError } from '../errors';
import type { KernelExports } from './kernel-exports';
import { enableRelaxedSimd } from './relaxed-simd';
import { webAssembly, type WebAssemblyMemory } from './web-assembly';

/** Which build of the kernels: `relaxed-simd` has fused multiply-add, `simd` rounds products before adding. */
export type KernelVariant = 'relaxed-simd' | 'simd';

export interface KernelModule {
  exports: KernelExports;
  variant: KernelVariant;
}

/**
 * Compiles the kernels onto `memory`, which stays its owner's: the module has no static data, no stack and no heap of
 * its own, and works where addresses tell it to.
 */
export async function loadKernelModule({
  memory,
  variant,
}: {
  memory: WebAssemblyMemory;
  /** @default the fastest that this JavaScript engine compiles; one that it does not compile is a WebAssembly.CompileError */
  variant?: KernelVariant;
}): Promise<KernelModule> {
  if (variant !== undefined && variant !== 'relaxed-simd' && variant !== 'simd') {
    throw new TensorError({ code: 'invalid-argument', message: `wasm: there is no build '${String(variant)}' of the kernels. Use 'relaxed-simd', 'simd', or leave it out.` });
  }
  const chosen = variant ?? ((await enableRelaxedSimd()) ? 'relaxed-simd' : 'simd');
  if (chosen === 'relaxed-simd') {
    await enableRelaxedSimd();
  }
  const bytes = Uint8Array.from(atob(chosen === 'relaxed-simd' ? relaxedSimdBinary : simdBinary), (character) => character.charCodeAt(0));
  if (typeof SharedArrayBuffer !== 'undefined' && memory.buffer instanceof SharedArrayBuffer) {
    importSharedMemory(bytes);
  }
  const { instance } = await webAssembly.instantiate(bytes, { env: { memory } });
  return { exports: instance.exports as unknown as KernelExports, variant: chosen };
}

/**
 * Marks the imported memory as shared, as the threaded build of the backend needs: sets the flag in the limits of the
 * module's only import, `env.memory`, which begin with 0x01 (has a maximum).
 */
function importSharedMemory(bytes: Uint8Array): void {
  const name = [...'memory'].map((character) => character.charCodeAt(0));
  const pattern = [name.length, ...name, 0x02, 0x01];
  const at = bytes.findIndex((_, index) => pattern.every((byte, offset) => bytes[index + offset] === byte));
  bytes[at + pattern.length - 1] = 0x03;
}
