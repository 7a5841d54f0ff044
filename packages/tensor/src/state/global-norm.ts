import { tf } from '../tensorflow';
import { fusedKernels } from '../kernels/registry';

type Gradients = Readonly<Record<string, tf.Tensor>> | readonly tf.Tensor[];

/** `√Σ g²` over all gradients together, on the host. */
export function globalNorm(gradients: Gradients): number {
  const tensors = Array.isArray(gradients) ? (gradients as readonly tf.Tensor[]) : Object.values(gradients);
  if (tensors.length === 0) {
    return 0;
  }
  const fused = fusedKernels().sumOfSquares;
  if (fused) {
    return Math.sqrt(fused(tensors));
  }
  const sums = tf.tidy(() => tf.stack(tensors.map((tensor) => tf.sum(tf.square(tensor)))).dataSync<'float32'>());
  return Math.sqrt(sums.reduce((total, sum) => total + sum, 0));
}

/**
 * The factor that clips gradients to a norm, as PyTorch's `clip_grad_norm_`: `min(1, maximumNorm / (norm + 1e-6))`.
 * Give it to `AdamW.step` as `gradientScale`: the gradients themselves need not be rewritten.
 */
export function clippingScale({ norm, maximumNorm }: { norm: number; maximumNorm: number }): number {
  return Math.min(1, maximumNorm / (norm + 1e-6));
}
