import type { FusedKernels } from '../../../kernels/kernels';
import type { Workspace } from './workspace';

/** Gradient norm and AdamW. */
export function optimizerKernels(workspace: Workspace): Pick<Required<FusedKernels>, 'sumOfSquares' | 'adamW'> {
  const { kernels } = workspace;
  return {
    sumOfSquares: (tensors) =>
      tensors.reduce((sum, tensor) => sum + kernels.sumOfSquares(tensor.size, workspace.address(tensor)), 0),

    adamW: ({
      parameter,
      gradient,
      firstMoment,
      secondMoment,
      learningRate,
      beta1,
      beta2,
      epsilon,
      weightDecay,
      step,
      gradientScale,
    }) => {
      kernels.adamW(
        parameter.size,
        workspace.address(parameter),
        workspace.address(gradient),
        workspace.address(firstMoment),
        workspace.address(secondMoment),
        gradientScale,
        1 - learningRate * weightDecay,
        beta1,
        1 - beta1,
        beta2,
        1 - beta2,
        learningRate / (1 - beta1 ** step),
        1 / Math.sqrt(1 - beta2 ** step),
        epsilon,
      );
    },
  };
}
