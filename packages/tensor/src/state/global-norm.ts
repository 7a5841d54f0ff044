import { tf } from '../tensorflow';
import { fusedKernels } from '../kernels/registry';
import { checkFloat } from '../operations/check';

type Gradients = Readonly<Record<string, tf.Tensor>> | readonly tf.Tensor[];

/** `√Σ g²` over all gradients together, on the host; 0 where there is none. Not on `webgpu`, which cannot wait: {@link globalNormAsync}. */
export function globalNorm(gradients: Gradients): number {
  const tensors = listOf(gradients);
  const fused = fusedKernels().sumOfSquares;
  if (tensors.length === 0) {
    return 0;
  }
  if (fused) {
    return Math.sqrt(fused(tensors));
  }
  return tf.tidy(() => normOf(sumsOfSquares(tensors).dataSync<'float32'>()));
}

/** {@link globalNorm} on any engine. */
export async function globalNormAsync(gradients: Gradients): Promise<number> {
  const tensors = listOf(gradients);
  if (tensors.length === 0 || fusedKernels().sumOfSquares) {
    return globalNorm(tensors);
  }
  const sums = tf.tidy(() => (fusedKernels().partialSumsOfSquares ?? sumsOfSquares)(tensors));
  const values = await sums.data<'float32'>();
  sums.dispose();
  return normOf(values);
}

function listOf(gradients: Gradients): readonly tf.Tensor[] {
  const named: (readonly [string, tf.Tensor])[] = Array.isArray(gradients)
    ? (gradients as readonly tf.Tensor[]).map((tensor, index) => [`gradient ${index}`, tensor])
    : Object.entries(gradients);
  for (const [name, tensor] of named) checkFloat('globalNorm', name, tensor);
  return named.map(([, tensor]) => tensor);
}

/** One for each tensor, in one tensor: a single read. */
function sumsOfSquares(tensors: readonly tf.Tensor[]): tf.Tensor {
  return tf.stack(tensors.map((tensor) => tf.sum(tf.square(tensor))));
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
