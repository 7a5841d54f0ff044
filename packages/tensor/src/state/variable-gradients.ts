import type { tf } from '../tensorflow';
import { type OnGradient, valueAndGradientTensors } from './backward';

export interface VariableGradients {
  value: tf.Scalar;
  /** Gradients in the order of the variables; null if the value does not depend on a variable. */
  gradients: (tf.Tensor | null)[];
}

/**
 * Computes a loss and its gradients with respect to a list of variables; `valueAndGradients` does the same for
 * `Parameters`. The caller disposes both. Memory peaks at the end of the forward pass; the backward pass frees tensors as
 * it goes.
 *
 * @throws TensorError if the loss is not a scalar
 */
export function variableGradients({
  compute,
  variables,
  onGradient,
}: {
  /** Computes the scalar loss. Runs inside `tf.tidy`; use `tf.keep` for other tensors that must outlive it. */
  compute: () => tf.Scalar;
  variables: readonly tf.Variable[];
  /**
   * Called with each variable's index and gradient (or null) as soon as it is complete, while the backward pass continues:
   * last layers first. It may read the tensor, which remains owned by the caller.
   * @default none
   */
  onGradient?: OnGradient;
}): VariableGradients {
  return valueAndGradientTensors(compute, variables, 'variableGradients', onGradient);
}
