import type { FusedKernels } from '../kernels/fused-kernels';
import { activationKernels } from './activation-kernels';
import { linearKernels } from './linear-kernels';
import { optimizerKernels } from './optimizer-kernels';
import type { Workspace } from './workspace';

/** Every fused operation, on tensors of the wasm backend and in place on its memory. */
export function createWasmKernels(workspace: Workspace): FusedKernels {
  return {
    ...linearKernels(workspace),
    ...activationKernels(workspace),
    ...optimizerKernels(workspace),
  };
}
