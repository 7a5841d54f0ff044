import { tf } from '../tensorflow';
import { fusedKernels } from '../kernels/registry';

/**
 * Reshapes `[..., width]` for a kernel: to `[rows, width]`, or not at all for kernels that accept any rank.
 *
 * @param kernel the fused kernel, or undefined for composed operations
 */
export function kernelRows(tensor: tf.Tensor, kernel: unknown): tf.Tensor2D {
  if (tensor.shape.length === 2 || (kernel !== undefined && fusedKernels().takesAnyRank)) {
    return tensor as tf.Tensor2D;
  }
  const width = tensor.shape[tensor.shape.length - 1] ?? 1;
  return tf.reshape(tensor, [width === 0 ? 0 : tensor.size / width, width]) as tf.Tensor2D;
}

/** Reshapes `tensor`, or returns it if it has this shape already, since a reshape is a call to the engine. */
export function inShape<T extends tf.Tensor>(tensor: tf.Tensor, shape: readonly number[]): T {
  return (tf.util.arraysEqual(tensor.shape, shape as number[]) ? tensor : tf.reshape(tensor, shape as number[])) as T;
}
