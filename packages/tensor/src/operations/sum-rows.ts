import { tf } from '../tensorflow';
import { fusedKernels } from '../kernels/registry';

/** Sum over rows, not differentiable: `[rows, width]` → `[width]`. */
export function sumRows(input: tf.Tensor): tf.Tensor1D {
  const fused = fusedKernels().sumRows;
  return fused ? fused(input as tf.Tensor2D) : (tf.sum(input, 0) as tf.Tensor1D);
}
