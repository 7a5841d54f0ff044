import type { FusedKernels } from '../../../kernels/kernels';
import { activationKernels } from './activation-kernels';
import { attentionKernels } from './attention-kernels';
import { linearKernels } from './linear-kernels';
import { normKernels } from './norm-kernels';
import { optimizerKernels } from './optimizer-kernels';
import { tokenKernels } from './token-kernels';
import type { Workspace } from './workspace';

/** Every kernel but whole blocks and what serves where others are composed. */
type WasmKernels = Required<
  Omit<
    FusedKernels,
    'sumRows' | 'takesAnyRank' | 'continuedBlock' | 'decoderBlock' | 'transformerBlock' | 'partialSumsOfSquares'
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
