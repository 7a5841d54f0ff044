import type { FusedKernels } from '../../../kernels/kernels';
import { activationKernels } from './activation-kernels';
import { attentionKernels } from './attention-kernels';
import { linearKernels } from './linear-kernels';
import { normKernels } from './norm-kernels';
import { optimizerKernels } from './optimizer-kernels';
import { tokenKernels } from './token-kernels';
import type { Workspace } from './workspace';

/** All kernels except whole blocks and helpers for composed operations. */
type WasmKernels = Required<
  Omit<
    FusedKernels,
    'sumRows' | 'takesAnyRank' | 'continuedBlock' | 'decoderBlock' | 'transformerBlock' | 'partialSumsOfSquares'
  >
>;

/** All fused operations, working directly on the wasm backend's memory. */
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
