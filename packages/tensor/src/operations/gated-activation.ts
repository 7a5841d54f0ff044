import { tf } from '../tensorflow';
import { fusedKernels } from '../kernels/registry';
import type { Activation, FusedKernels } from '../kernels/fused-kernels';
import { activationGradient, activationValue, checkActivation } from './activations';
import { checkFloat, checkShape } from './check';
import { differentiable } from './differentiable';

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
  const shape = gate.shape;
  const width = shape[shape.length - 1] ?? 1;
  const rows = gate.size / width;
  const flat = (tensor: tf.Tensor) => tf.reshape(tensor, [rows, width]) as tf.Tensor2D;
  return differentiable<T>({
    inputs: { gate, up },
    forward: (save) => {
      save([gate, up]);
      const fused = fusedKernels().gatedActivationForward;
      return fused ? (tf.reshape(fused({ gate: flat(gate), up: flat(up), activation }), shape) as T) : (tf.mul(activationValue(activation, gate), up) as T);
    },
    gradients: (gradient, [gate, up]) => {
      const backward = (fusedKernels().gatedActivationBackward ?? composedBackward)({ gradient: flat(gradient), gate: flat(gate!), up: flat(up!), activation });
      return { gate: () => tf.reshape(backward.gate, shape), up: () => tf.reshape(backward.up, shape) };
    },
  });
}

function composedBackward({ gradient, gate, up, activation }: Parameters<Backward>[0]): ReturnType<Backward> {
  return tf.tidy(() => ({
    gate: activationGradient(activation, gate, tf.mul(gradient, up) as tf.Tensor2D),
    up: tf.mul(gradient, activationValue(activation, gate)) as tf.Tensor2D,
  }));
}
