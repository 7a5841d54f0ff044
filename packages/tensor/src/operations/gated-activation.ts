import { tf } from '../tensorflow';
import { fusedKernels } from '../kernels/registry';
import type { Activation, GatedActivationKernel } from '../kernels/kernels';
import { activationGradient, activationValue, checkActivation } from './activations';
import { checkFloat, checkShape } from './check';
import { differentiable } from './differentiable';
import { inShape, kernelRows } from './kernel-rows';

export interface GatedActivationOptions<T extends tf.Tensor> {
  /** `[..., width]`, float32: input of the activation. */
  gate: T;
  /** Same shape: multiplied with the activated gate. */
  up: T;
  activation: Activation;
}

/**
 * `output = activation(gate) ∘ up`, the core of a gated feed-forward block; SwiGLU with `silu`.
 * Shazeer 2020 (arXiv:2002.05202).
 *
 * @throws OperationError if shapes do not match
 */
export function gatedActivation<T extends tf.Tensor>({ gate, up, activation }: GatedActivationOptions<T>): T {
  checkFloat('gatedActivation', 'gate', gate);
  checkFloat('gatedActivation', 'up', up);
  checkShape('gatedActivation', 'up', up, gate.shape, 'as gate');
  checkActivation('gatedActivation', activation);
  const { shape } = gate;
  const own = fusedKernels().gatedActivation;
  const kernel = own ?? composedGatedActivation;
  return differentiable<T>({
    inputs: { gate, up },
    forward: (save) => {
      save([gate, up]);
      return inShape<T>(kernel.forward({ gate: kernelRows(gate, own), up: kernelRows(up, own), activation }), shape);
    },
    gradients: (gradient, [gate, up]) => {
      const backward = kernel.backward({
        gradient: kernelRows(gradient, own),
        gate: kernelRows(gate!, own),
        up: kernelRows(up!, own),
        activation,
      });
      return { gate: () => inShape(backward.gate, shape), up: () => inShape(backward.up, shape) };
    },
  });
}

/** Composed of TensorFlow.js operations and the engine's activation. */
export const composedGatedActivation: GatedActivationKernel = {
  forward: ({ gate, up, activation }) => tf.mul(activationValue(activation, gate), up) as tf.Tensor2D,
  backward: ({ gradient, gate, up, activation }) =>
    tf.tidy(() => ({
      gate: activationGradient(activation, gate, tf.mul(gradient, up) as tf.Tensor2D),
      up: tf.mul(gradient, activationValue(activation, gate)) as tf.Tensor2D,
    })),
};
