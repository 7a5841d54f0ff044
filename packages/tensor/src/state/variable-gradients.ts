import type { tf } from '../tensorflow';
import { valueAndGradientTensors } from './backward';

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
}: {
  /** Computes the loss: a scalar. Runs inside a tidy; keep with `tf.keep` what else must leave it. */
  compute: () => tf.Scalar;
  variables: readonly tf.Variable[];
}): VariableGradients {
  return valueAndGradientTensors(compute, variables, 'variableGradients');
}
