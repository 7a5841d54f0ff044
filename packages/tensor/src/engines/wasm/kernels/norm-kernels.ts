import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';
import type { FusedKernels } from '../../../kernels/kernels';
import type { Workspace } from './workspace';

type Names = 'layerNorm' | 'rmsNorm';

/** Layer norm and RMS norm: each row stays in the CPU cache after its first pass. */
export function normKernels(workspace: Workspace): Pick<Required<FusedKernels>, Names> {
  const { kernels } = workspace;
  return {
    layerNorm: {
      forward: ({ input, scale, bias, epsilon }) => {
        const [rows, width] = input.shape;
        const output = workspace.output<Tensor2D>([rows, width]);
        const mean = workspace.output<Tensor1D>([rows]);
        const inverseDeviation = workspace.output<Tensor1D>([rows]);
        kernels.layerNormForward(
          rows,
          width,
          epsilon,
          workspace.address(input),
          workspace.address(scale),
          workspace.address(bias),
          output.address,
          mean.address,
          inverseDeviation.address,
        );
        return { output: output.tensor, mean: mean.tensor, inverseDeviation: inverseDeviation.tensor };
      },
      backward: ({ gradient, input, scale, mean, inverseDeviation }) => {
        const [rows, width] = input.shape;
        const inputGradient = workspace.output<Tensor2D>([rows, width]);
        const scaleGradient = workspace.output<Tensor1D>([width]);
        const biasGradient = workspace.output<Tensor1D>([width]);
        kernels.layerNormBackward(
          rows,
          width,
          workspace.address(gradient),
          workspace.address(input),
          workspace.address(scale),
          workspace.address(mean),
          workspace.address(inverseDeviation),
          inputGradient.address,
          scaleGradient.address,
          biasGradient.address,
          workspace.scratch(width * 8),
        );
        return { input: inputGradient.tensor, scale: scaleGradient.tensor, bias: biasGradient.tensor };
      },
    },
    rmsNorm: {
      forward: ({ input, scale, epsilon }) => {
        const [rows, width] = input.shape;
        const output = workspace.output<Tensor2D>([rows, width]);
        const inverseDeviation = workspace.output<Tensor1D>([rows]);
        kernels.rmsNormForward(
          rows,
          width,
          epsilon,
          workspace.address(input),
          workspace.address(scale),
          output.address,
          inverseDeviation.address,
        );
        return { output: output.tensor, inverseDeviation: inverseDeviation.tensor };
      },
      backward: ({ gradient, input, scale, inverseDeviation }) => {
        const [rows, width] = input.shape;
        const inputGradient = workspace.output<Tensor2D>([rows, width]);
        const scaleGradient = workspace.output<Tensor1D>([width]);
        kernels.rmsNormBackward(
          rows,
          width,
          workspace.address(gradient),
          workspace.address(input),
          workspace.address(scale),
          workspace.address(inverseDeviation),
          inputGradient.address,
          scaleGradient.address,
          workspace.scratch(width * 4),
        );
        return { input: inputGradient.tensor, scale: scaleGradient.tensor };
      },
    },
  };
}
