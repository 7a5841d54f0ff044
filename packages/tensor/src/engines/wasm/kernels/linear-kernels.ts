import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';
import type { LinearKernel } from '../../../kernels/kernels';
import { activationCodes } from '../../../kernels/activation-codes';
import type { Workspace } from './workspace';

/** Linear layers: the accumulator starts with the bias; the activation is a pass over the result. */
export function linearKernels(workspace: Workspace): { linear: LinearKernel } {
  const { kernels } = workspace;
  const linear: LinearKernel = {
    forward: ({ input, weight, bias, activation, layout }) => {
      const [rows, depth] = input.shape;
      const outIn = layout === 'out-in';
      const columns = outIn ? weight.shape[0] : weight.shape[1];
      const sum = workspace.output<Tensor2D>([rows, columns]);
      const scratch = workspace.productScratch().product;
      kernels.matrixProduct(
        rows,
        columns,
        depth,
        workspace.address(input),
        depth * 4,
        false,
        workspace.address(weight),
        weight.shape[1] * 4,
        outIn,
        bias ? workspace.address(bias) : 0,
        0,
        sum.address,
        columns * 4,
        scratch,
      );
      if (activation === 'none') {
        return { output: sum.tensor, preactivation: null };
      }
      const output = workspace.output<Tensor2D>([rows, columns]);
      kernels.activationForward(activationCodes[activation], rows * columns, sum.address, output.address);
      return { output: output.tensor, preactivation: sum.tensor };
    },

    backward: ({ gradient, input, weight, layout, needs }) => {
      const [rows, columns] = gradient.shape;
      const depth = input.shape[1];
      const outIn = layout === 'out-in';
      const { product: scratch } = workspace.productScratch();
      const gradientAddress = workspace.address(gradient);
      const inputGradient = needs.input ? workspace.output<Tensor2D>([rows, depth]) : null;
      const weightGradient = needs.weight ? workspace.output<Tensor2D>(weight.shape) : null;
      const biasGradient = needs.bias ? workspace.output<Tensor1D>([columns]) : null;
      if (inputGradient) {
        kernels.matrixProduct(
          rows,
          depth,
          columns,
          gradientAddress,
          columns * 4,
          false,
          workspace.address(weight),
          weight.shape[1] * 4,
          !outIn,
          0,
          0,
          inputGradient.address,
          depth * 4,
          scratch,
        );
      }
      if (weightGradient) {
        const inputAddress = workspace.address(input);
        const [left, leftWidth, right, rightWidth] = outIn
          ? [gradientAddress, columns, inputAddress, depth]
          : [inputAddress, depth, gradientAddress, columns];
        kernels.matrixProduct(
          leftWidth,
          rightWidth,
          rows,
          left,
          leftWidth * 4,
          true,
          right,
          rightWidth * 4,
          false,
          0,
          0,
          weightGradient.address,
          rightWidth * 4,
          scratch,
        );
      }
      if (biasGradient) {
        kernels.columnSums(rows, columns, gradientAddress, biasGradient.address);
      }
      return {
        input: inputGradient?.tensor ?? null,
        weight: weightGradient?.tensor ?? null,
        bias: biasGradient?.tensor ?? null,
      };
    },
  };
  return { linear };
}
