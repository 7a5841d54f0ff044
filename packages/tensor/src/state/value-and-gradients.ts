import type { tf } from '../tensorflow';
import { TensorError } from '../errors';
import { valueAndGradientTensors } from './backward';
import type { Parameters } from './parameters';

export interface ValueAndGradientsOptions {
  /** Computes the loss: a scalar. Runs inside a tidy; keep with `tf.keep` what else must leave it. */
  compute: () => tf.Scalar;
  /** Whose trainable members get gradients. Several sets (a model and its adapter) may share no name. */
  parameters: Parameters | readonly Parameters[];
}

export interface ValueAndGradients {
  value: tf.Scalar;
  /** By parameter name; one that the loss does not depend on is absent. */
  gradients: Record<string, tf.Tensor>;
}

/**
 * A loss and its gradients by every trainable parameter. The caller disposes both (`tf.dispose`). Memory peaks at the
 * end of the forward pass: what the backward pass no longer needs it frees as it goes.
 *
 * @throws TensorError if nothing trains, a name occurs in two sets, or the loss is no scalar.
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
