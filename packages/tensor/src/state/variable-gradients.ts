import type { tf } from '../tensorflow';
import { type OnGradient, valueAndGradientTensors } from './backward';

export interface VariableGradients {
  value: tf.Scalar;
  /** In the order of the variables; null where the value does not depend on one. */
  gradients: (tf.Tensor | null)[];
}

/**
 * A loss and its gradients by variables given as a list; `valueAndGradients` does the same for `Parameters`. The caller
 * disposes both. Memory peaks at the end of the forward pass: what the backward pass no longer needs it frees as it goes.
 *
 * @throws TensorError if the loss is no scalar.
 */
export function variableGradients({
  compute,
  variables,
  onGradient,
}: {
  /** Computes the loss: a scalar. Runs inside a tidy; keep with `tf.keep` what else must leave it. */
  compute: () => tf.Scalar;
  variables: readonly tf.Variable[];
  /**
   * Told of each variable's gradient (its place in the list; null where there is none) as soon as it is whole, while the
   * backward pass goes on: those of the last layers first. It may read the tensor, which stays the caller's.
   * @default nobody
   */
  onGradient?: OnGradient;
}): VariableGradients {
  return valueAndGradientTensors(compute, variables, 'variableGradients', onGradient);
}
