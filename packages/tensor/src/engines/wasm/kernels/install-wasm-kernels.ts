import { registerFusedKernels } from '../../../kernels/registry';
import { installBatchMatMul } from './batch-mat-mul';
import { installCopyKernels } from './copy-kernels';
import { createWasmKernels } from './create-wasm-kernels';
import { guardAllocation } from './guard-allocation';
import { loadKernelModule, type KernelModule, type KernelVariant } from './kernel-module';
import { wasmBackend, type WasmBackend } from './wasm-backend';
import { Workspace } from './workspace';

const modules = new WeakMap<WasmBackend, KernelModule>();

/** The kernels that were compiled onto a backend's memory. */
export function wasmKernelModule(backend: WasmBackend): KernelModule {
  return modules.get(backend)!;
}

/**
 * Makes exhausted memory an error, compiles our kernels onto the wasm backend's memory, puts the matrix product behind
 * `tf.matMul`, fast copies behind split, slice and concat, and declares the fused operations. Call it after the backend has been initialised; once for each backend.
 *
 * @throws TensorError `engine-unavailable` if the backend has not been initialised.
 */
export async function installWasmKernels({
  variant,
}: { /** @default the fastest that runs here */ variant?: KernelVariant } = {}): Promise<{
  variant: KernelVariant;
  vectorBits: 128 | 256;
}> {
  const backend = wasmBackend();
  guardAllocation(backend);
  const module = await loadKernelModule({ memory: backend.wasm.asm.memory, variant });
  modules.set(backend, module);
  const workspace = new Workspace(backend, module);
  installBatchMatMul(workspace);
  installCopyKernels(workspace);
  registerFusedKernels({ backend: 'wasm', kernels: createWasmKernels(workspace) });
  return { variant: module.variant, vectorBits: module.vectorBits };
}
