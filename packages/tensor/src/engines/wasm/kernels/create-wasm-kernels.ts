import type { FusedKernels } from '../../../kernels/kernels';
import { activationKernels } from './activation-kernels';
import { attentionKernels } from './attention-kernels';
import { linearKernels } from './linear-kernels';
import { normKernels } from './norm-kernels';
import { optimizerKernels } from './optimizer-kernels';
import { tokenKernels } from './token-kernels';
import type { Workspace } from './workspace';

/** Every kernel but whole blocks, what serves where others are composed, and reading: weights are read by whoever fills the memory. */
type WasmKernels = Required<
  Omit<
    FusedKernels,
    | 'hostIntegers'
    | 'sumRows'
    | 'takesAnyRank'
    | 'decoderBlock'
    | 'transformerBlock'
    | 'partialSumsOfSquares'
    | 'readTensor'
  >
>;

/** Every fused operation, on tensors of the wasm backend and in place on its memory. */
export function createWasmKernels(workspace: Workspace): WasmKernels {
  return {
    ...linearKernels(workspace),
    ...activationKernels(workspace),
    ...attentionKernels(workspace),
    ...normKernels(workspace),
    ...tokenKernels(workspace),
    ...optimizerKernels(workspace),
  };
}
