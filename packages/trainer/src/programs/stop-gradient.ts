import { tf } from '@subtext/tensor';

/** The tensor itself, through which no gradient passes: PyTorch's `detach`. */
export function stopGradient<Shape extends tf.Tensor>(input: Shape): Shape {
  return tf.customGrad((value) => ({ value: tf.clone(value as tf.Tensor), gradFunc: (upstream: tf.Tensor) => tf.zerosLike(upstream) }))(input) as Shape;
}
