import { tf } from '../tensorflow';

/** A tensor in another shape; itself where it has that shape: a reshape is an operation like any other, and on small tensors as long as one. */
export function inShape<T extends tf.Tensor>(tensor: tf.Tensor, shape: readonly number[]): T {
  return (tf.util.arraysEqual(tensor.shape, shape as number[]) ? tensor : tf.reshape(tensor, [...shape])) as T;
}
