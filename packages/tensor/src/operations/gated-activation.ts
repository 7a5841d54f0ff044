import { tf } from '../tensorflow';
import { fusedKernels } from '../kernels/registry';
import type { Activation, FusedKernels } from '../kernels/fused-kernels';
import { activationGradient, activationValue, checkActivation } from './activations';
import { checkFloat, checkShape } from './check';
import { differentiable } from './differentiable';
import { inShape, kernelRows } from './kernel-rows';

export interface GatedActivationOptions<T extends tf.Tensor> {
  /** `[..., width]`, float32: goes through the activation. */
  gate: T;
  /** The same shape: multiplied by it. */
  up: T;
  activation: Activation;
}

type Backward = NonNullable<FusedKernels['gatedActivationBackward']>;

/**
 * `output = activation(gate) ∘ up`, the middle of a gated feed-forward block; with `silu` it is SwiGLU's.
 * Shazeer 2020 (arXiv:2002.05202).
 *
 * @throws OperationError where shapes do not fit.
 */
export function gatedActivation<T extends tf.Tensor>({ gate, up, activation }: GatedActivationOptions<T>): T {
  checkFloat('gatedActivation', 'gate', gate);
  checkFloat('gatedActivation', 'up', up);
  checkShape('gatedActivation', 'up', up, gate.shape, 'as gate');
  checkActivation('gatedActivation', activation);
  const { shape } = gate;
  return differentiable<T>({
    inputs: { gate, up },
    forward: (save) => {
      save([gate, up]);
      const fused = fusedKernels().gatedActivationForward;
      return fused
        ? inShape<T>(fused({ gate: kernelRows(gate, fused), up: kernelRows(up, fused), activation }), shape)
        : (tf.mul(activationValue(activation, gate), up) as T);
    },
    gradients: (gradient, [gate, up]) => {
      const fused = fusedKernels().gatedActivationBackward;
      const backward = (fused ?? composedBackward)({
        gradient: kernelRows(gradient, fused),
        gate: kernelRows(gate!, fused),
        up: kernelRows(up!, fused),
        activation,
      });
      return { gate: () => inShape(backward.gate, shape), up: () => inShape(backward.up, shape) };
    },
  });
}

function composedBackward({ gradient, gate, up, activation }: Parameters<Backward>[0]): ReturnType<Backward> {
  return tf.tidy(() => ({
    gate: activationGradient(activation, gate, tf.mul(gradient, up) as tf.Tensor2D),
    up: tf.mul(gradient, activationValue(activation, gate)) as tf.Tensor2D,
  }));
}
