import { tf } from '../tensorflow';
import { fusedKernels } from '../kernels/registry';

type Gradients = Readonly<Record<string, tf.Tensor>> | readonly tf.Tensor[];

/** `√Σ g²` over all gradients together, on the host. Not on `webgpu`, which cannot wait: {@link globalNormAsync}. */
export function globalNorm(gradients: Gradients): number {
  const tensors = listOf(gradients);
  const fused = fusedKernels().sumOfSquares;
  if (fused) {
    return Math.sqrt(fused(tensors));
  }
  return tf.tidy(() => normOf(sumsOfSquares(tensors).dataSync<'float32'>()));
}

/** {@link globalNorm} on any engine. */
export async function globalNormAsync(gradients: Gradients): Promise<number> {
  const tensors = listOf(gradients);
  if (fusedKernels().sumOfSquares) {
    return globalNorm(tensors);
  }
  const sums = tf.tidy(() => (fusedKernels().partialSumsOfSquares ?? sumsOfSquares)(tensors));
  const values = await sums.data<'float32'>();
  sums.dispose();
  return normOf(values);
}

function listOf(gradients: Gradients): readonly tf.Tensor[] {
  return Array.isArray(gradients) ? (gradients as readonly tf.Tensor[]) : Object.values(gradients);
}

/** One for each tensor, in one tensor: a single read. */
function sumsOfSquares(tensors: readonly tf.Tensor[]): tf.Tensor {
  return tensors.length === 0 ? tf.zeros([0]) : tf.stack(tensors.map((tensor) => tf.sum(tf.square(tensor))));
}

function normOf(sums: Float32Array): number {
  return Math.sqrt(sums.reduce((total, sum) => total + sum, 0));
}

/**
 * The factor that clips gradients to a norm, as PyTorch's `clip_grad_norm_`: `min(1, maximumNorm / (norm + 1e-6))`.
 * Give it to `AdamW.step` as `gradientScale`: the gradients themselves need not be rewritten.
 */
export function clippingScale({ norm, maximumNorm }: { norm: number; maximumNorm: number }): number {
  return Math.min(1, maximumNorm / (norm + 1e-6));
}
