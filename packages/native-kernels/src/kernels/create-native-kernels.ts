import type { FusedKernels } from '@subtext/tensor';
import { attentionKernels } from './attention-kernels';
import { blockKernels } from './block-kernels';
import { layerKernels } from './layer-kernels';
import type { OperationRunner } from './operation-runner';
import { stateKernels } from './state-kernels';
import { tokenKernels } from './token-kernels';

/**
 * The kernels of `native/`, compiled for this machine's processor, as an engine runs them. Each is one pass over memory
 * where operations of TensorFlow.js's take one for every arithmetic step.
 */
export function createNativeKernels(runner: OperationRunner): FusedKernels {
  return {
    takesAnyRank: true,
    ...layerKernels(runner),
    ...attentionKernels(runner),
    ...tokenKernels(runner),
    ...blockKernels(runner),
    ...stateKernels(runner),
  };
}
