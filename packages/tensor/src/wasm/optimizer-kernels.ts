import type { FusedKernels } from '../kernels/fused-kernels';
import type { Workspace } from './workspace';

/** What happens to gradients once they are there. */
export function optimizerKernels(workspace: Workspace): Pick<Required<FusedKernels>, 'sumOfSquares'> {
  const { kernels } = workspace;
  return {
    sumOfSquares: (tensors) => tensors.reduce((sum, tensor) => sum + kernels.sumOfSquares(tensor.size, workspace.address(tensor)), 0),
  };
}
