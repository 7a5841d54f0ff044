import { tf } from '@subtext/tensor';

/** What is computed from a tensor, by default the tensor itself, through which no gradient passes: PyTorch's `detach`. */
export function stopGradient({
  input,
  compute = tf.clone,
}: {
  input: tf.Tensor;
  /** @default the tensor itself */
  compute?: (input: tf.Tensor) => tf.Tensor;
}): tf.Tensor {
  return tf.customGrad((value) => ({ value: compute(value as tf.Tensor), gradFunc: () => tf.zerosLike(input) }))(input);
}

/** What is computed while nothing is recorded for gradients: PyTorch's `no_grad`. */
export function withoutGradient(compute: () => tf.Tensor): tf.Tensor {
  return stopGradient({ input: tf.scalar(0), compute });
}
