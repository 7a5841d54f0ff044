import type { Tensor2D } from '@tensorflow/tfjs-core';
import type { FusedKernels } from '../kernels/fused-kernels';
import { activationCodes } from '../kernels/activation-codes';
import type { Workspace } from './workspace';

type Names = 'activationForward' | 'activationBackward' | 'gatedActivationForward' | 'gatedActivationBackward';

/** Activations and gated products, one pass each. */
export function activationKernels(workspace: Workspace): Pick<Required<FusedKernels>, Names> {
  const { kernels } = workspace;
  return {
    activationForward: ({ input, activation }) => {
      const output = workspace.output<Tensor2D>(input.shape);
      kernels.activationForward(activationCodes[activation], input.size, workspace.address(input), output.address);
      return output.tensor;
    },
    activationBackward: ({ gradient, preactivation, activation }) => {
      const output = workspace.output<Tensor2D>(gradient.shape);
      kernels.activationBackward(
        activationCodes[activation],
        gradient.size,
        workspace.address(gradient),
        workspace.address(preactivation),
        output.address,
      );
      return output.tensor;
    },
    gatedActivationForward: ({ gate, up, activation }) => {
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
    gatedActivationBackward: ({ gradient, gate, up, activation }) => {
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
  };
}
