import { tf } from '../tensorflow';
import { fusedKernels } from '../kernels/registry';

/**
 * `[..., width]` as a kernel wants it: `[rows, width]`, or as it is for kernels that take any rank.
 *
 * @param kernel the fused kernel that it is for, or undefined for composed operations
 */
export function kernelRows(tensor: tf.Tensor, kernel: unknown): tf.Tensor2D {
  if (tensor.shape.length === 2 || (kernel !== undefined && fusedKernels().takesAnyRank)) {
    return tensor as tf.Tensor2D;
  }
  const width = tensor.shape[tensor.shape.length - 1] ?? 1;
  return tf.reshape(tensor, [width === 0 ? 0 : tensor.size / width, width]) as tf.Tensor2D;
}

/** `tensor` with this shape: itself where it has it already, since a reshape is a call to the engine. */
export function inShape<T extends tf.Tensor>(tensor: tf.Tensor, shape: readonly number[]): T {
  return (tf.util.arraysEqual(tensor.shape, shape as number[]) ? tensor : tf.reshape(tensor, shape as number[])) as T;
}
