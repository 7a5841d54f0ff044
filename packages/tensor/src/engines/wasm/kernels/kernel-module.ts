import { binary as relaxedSimdBinary } from './generated/relaxed-simd-kernels';
import { binary as simdBinary } from './generated/simd-kernels';
import { TensorError } from '../../../errors';
import type { KernelExports } from './kernel-exports';
import { hasRelaxedSimd } from './relaxed-simd';
import { importSharedMemory } from './shared-memory';
import { webAssembly, type WebAssemblyMemory } from './web-assembly';
import { instantiateWide } from './wide-vectors';

/** Build of the kernels: `relaxed-simd` uses fused multiply-add, `simd` rounds products before adding. */
export type KernelVariant = 'relaxed-simd' | 'simd';

export interface KernelModule {
  exports: KernelExports;
  variant: KernelVariant;
  /** Vector width in bits. */
  vectorBits: 128 | 256;
}

/**
 * Compiles the kernels for `memory`, which remains owned by the caller: the module has no static data, stack or heap and
 * works only at the addresses it is given.
 */
export async function loadKernelModule({
  memory,
  variant,
}: {
  memory: WebAssemblyMemory;
  /** An unsupported build throws a WebAssembly.CompileError. @default the fastest supported */
  variant?: KernelVariant;
}): Promise<KernelModule> {
  if (variant !== undefined && variant !== 'relaxed-simd' && variant !== 'simd') {
    throw new TensorError({
      code: 'invalid-option',
      message: `wasm: there is no build '${String(variant)}' of the kernels. Use 'relaxed-simd', 'simd', or leave it out.`,
    });
  }
  const chosen = variant ?? (hasRelaxedSimd() ? 'relaxed-simd' : 'simd');
  const bytes = Uint8Array.from(atob(chosen === 'relaxed-simd' ? relaxedSimdBinary : simdBinary), (character) =>
    character.charCodeAt(0),
  );
  const shared = typeof SharedArrayBuffer !== 'undefined' && memory.buffer instanceof SharedArrayBuffer;
  // Only for the default choice: a build requested by name is used as is.
  const wide =
    chosen === 'relaxed-simd' && variant === undefined && !shared ? await instantiateWide({ bytes, memory }) : null;
  if (shared) {
    importSharedMemory(bytes);
  }
  const instance = wide ?? (await webAssembly.instantiate(bytes, { env: { memory } })).instance;
  return { exports: instance.exports as unknown as KernelExports, variant: chosen, vectorBits: wide ? 256 : 128 };
}
