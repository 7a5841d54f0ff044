import type { tf } from '../tensorflow';
import { TensorError } from '../errors';
import { valueAndGradientTensors } from './backward';
import type { Parameters } from './parameters';

export interface ValueAndGradientsOptions {
  /** Computes the scalar loss. Runs inside `tf.tidy`; use `tf.keep` for other tensors that must outlive it. */
  compute: () => tf.Scalar;
  /** Parameters to differentiate by, if trainable. Several sets (a model and its adapter) must not share names. */
  parameters: Parameters | readonly Parameters[];
}

export interface ValueAndGradients {
  value: tf.Scalar;
  /** Gradients by parameter name; absent if the loss does not depend on the parameter. */
  gradients: Record<string, tf.Tensor>;
}

/**
 * Computes a loss and its gradients with respect to every trainable parameter. The caller disposes both (`tf.dispose`).
 * Memory peaks at the end of the forward pass; the backward pass frees tensors as it goes.
 *
 * @throws TensorError if nothing is trainable, a name occurs in two sets, or the loss is not a scalar
 */
export function valueAndGradients({ compute, parameters }: ValueAndGradientsOptions): ValueAndGradients {
  const sets = Array.isArray(parameters) ? (parameters as readonly Parameters[]) : [parameters as Parameters];
  const trainable = sets.flatMap((set) => set.trainable());
  if (trainable.length === 0) {
    throw new TensorError({ code: 'invalid-option', message: 'valueAndGradients: no parameter is trainable.' });
  }
  const names = trainable.map(([name]) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new TensorError({
      code: 'duplicate-parameter',
      message: `valueAndGradients: '${twice}' occurs in two sets of parameters.`,
    });
  }
  const { value, gradients: found } = valueAndGradientTensors(
    compute,
    trainable.map(([, variable]) => variable),
  );
  const gradients: Record<string, tf.Tensor> = {};
  names.forEach((name, index) => {
    const gradient = found[index];
    if (gradient) {
      gradients[name] = gradient;
    }
  });
  return { value, gradients };
}
