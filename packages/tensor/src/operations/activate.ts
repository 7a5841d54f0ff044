import { tf } from '../tensorflow';
import type { Activation } from '../kernels/kernels';
import { activationGradient, activationValue, checkActivation } from './activations';
import { checkFloat } from './check';
import { differentiable } from './differentiable';

export interface ActivateOptions<T extends tf.Tensor> {
  /** Any shape, float32. */
  input: T;
  activation: Activation;
}

/**
 * `output = activation(input)`, element-wise.
 *
 * `gelu` is x·Φ(x), `gelu-tanh` 0.5·x·(1 + tanh(√(2/π)·(x + 0.044715·x³))), `quick-gelu` x·σ(1.702·x),
 * `silu` x·σ(x); Hendrycks & Gimpel 2016 (arXiv:1606.08415).
 *
 * @throws OperationError if `input` is not float32 or `activation` is unknown.
 */
export function activate<T extends tf.Tensor>({ input, activation }: ActivateOptions<T>): T {
  checkFloat('activate', 'input', input);
  checkActivation('activate', activation);
  if (activation === 'none') {
    return input;
  }
  return differentiable<T>({
    inputs: { input },
    forward: (save) => {
      save([input]);
      return activationValue(activation, input);
    },
    gradients: (gradient, [input]) => ({ input: () => activationGradient(activation, input as T, gradient) }),
  });
}
