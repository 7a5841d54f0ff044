import { registerFusedKernels } from '../../../kernels/registry';
import { installBatchMatMul } from './batch-mat-mul';
import { installCopyKernels } from './copy-kernels';
import { createWasmKernels } from './create-wasm-kernels';
import { guardAllocation } from './guard-allocation';
import { loadKernelModule, type KernelModule, type KernelVariant } from './kernel-module';
import { wasmBackend, type WasmBackend } from './wasm-backend';
import { Workspace } from './workspace';

const modules = new WeakMap<WasmBackend, KernelModule>();

/** The kernels compiled for a backend's memory. */
export function wasmKernelModule(backend: WasmBackend): KernelModule {
  return modules.get(backend)!;
}

/**
 * Installs our kernels on the wasm backend: turns exhausted memory into an error, compiles the kernels for the backend's
 * memory, replaces `tf.matMul`, split, slice and concat, and registers the fused operations. Call once per backend, after
 * it has been initialised.
 *
 * @throws TensorError `engine-unavailable` if the backend has not been initialised
 */
export async function installWasmKernels({
  variant,
}: { /** @default the fastest supported */ variant?: KernelVariant } = {}): Promise<{
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
