import type { tf } from '../tensorflow';
import { sumOfSquares, sumOfSquaresAsync } from '../operations/sum-of-squares';

type Gradients = Readonly<Record<string, tf.Tensor>> | readonly tf.Tensor[];

/** `√Σ g²` over all gradients, on the host; 0 if there are none. On `webgpu`, use {@link globalNormAsync}. */
export function globalNorm(gradients: Gradients): number {
  return Math.sqrt(sumOfSquares(namesOf(gradients)));
}

/** {@link globalNorm} on any engine. */
export async function globalNormAsync(gradients: Gradients): Promise<number> {
  return Math.sqrt(await sumOfSquaresAsync(namesOf(gradients)));
}

function namesOf(gradients: Gradients): (readonly [string, tf.Tensor])[] {
  return Array.isArray(gradients)
    ? (gradients as readonly tf.Tensor[]).map((tensor, index) => [`gradient ${index}`, tensor])
    : Object.entries(gradients);
}

/**
 * The factor that clips gradients to a maximum norm, like PyTorch's `clip_grad_norm_`: `min(1, maximumNorm / (norm + 1e-6))`.
 * Pass it to `AdamW.step` as `gradientScale`; the gradients themselves are not modified.
 */
export function clippingScale({ norm, maximumNorm }: { norm: number; maximumNorm: number }): number {
  return Math.min(1, maximumNorm / (norm + 1e-6));
}
