import type { Tensor2D } from '@tensorflow/tfjs-core';
import type { FusedKernels } from '../../../kernels/kernels';
import { activationCodes } from '../../../kernels/activation-codes';
import type { Workspace } from './workspace';

type Names = 'activation' | 'gatedActivation';

/** Activations and gated activations, one pass each. */
export function activationKernels(workspace: Workspace): Pick<Required<FusedKernels>, Names> {
  const { kernels } = workspace;
  return {
    activation: {
      forward: ({ input, activation }) => {
        const output = workspace.output<Tensor2D>(input.shape);
        kernels.activationForward(activationCodes[activation], input.size, workspace.address(input), output.address);
        return output.tensor;
      },
      backward: ({ gradient, input, activation }) => {
        const output = workspace.output<Tensor2D>(gradient.shape);
        kernels.activationBackward(
          activationCodes[activation],
          gradient.size,
          workspace.address(gradient),
          workspace.address(input),
          output.address,
        );
        return output.tensor;
      },
    },
    gatedActivation: {
      forward: ({ gate, up, activation }) => {
        const output = workspace.output<Tensor2D>(gate.shape);
        kernels.gatedForward(
          activationCodes[activation],
          gate.size,
          workspace.address(gate),
          workspace.address(up),
          output.address,
        );
        return output.tensor;
      },
      backward: ({ gradient, gate, up, activation }) => {
        const gateGradient = workspace.output<Tensor2D>(gate.shape);
        const upGradient = workspace.output<Tensor2D>(up.shape);
        kernels.gatedBackward(
          activationCodes[activation],
          gate.size,
          workspace.address(gradient),
          workspace.address(gate),
          workspace.address(up),
          gateGradient.address,
          upGradient.address,
        );
        return { gate: gateGradient.tensor, up: upGradient.tensor };
      },
    },
  };
}
