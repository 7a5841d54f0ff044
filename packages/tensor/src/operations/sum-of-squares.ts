import { tf } from '../tensorflow';
import { fusedKernels } from '../kernels/registry';
import { checkFloat } from './check';

/** Tensors with their names for error messages. */
type Named = readonly (readonly [name: string, tensor: tf.Tensor])[];

/** `Σ t²` over all tensors, on the host; 0 if there are none. Not on `webgpu`, which has no synchronous reads. */
export function sumOfSquares(named: Named): number {
  const tensors = checked(named);
  if (tensors.length === 0) return 0;
  const { sumOfSquares: fused } = fusedKernels();
  return fused ? fused(tensors) : tf.tidy(() => total(composed(tensors).dataSync<'float32'>()));
}

/** {@link sumOfSquares} on any engine. */
export async function sumOfSquaresAsync(named: Named): Promise<number> {
  const { sumOfSquares: fused, partialSumsOfSquares = composed } = fusedKernels();
  if (named.length === 0 || fused) return sumOfSquares(named);
  const tensors = checked(named);
  const sums = tf.tidy(() => partialSumsOfSquares(tensors));
  const values = await sums.data<'float32'>();
  sums.dispose();
  return total(values);
}

function checked(named: Named): readonly tf.Tensor[] {
  for (const [name, tensor] of named) checkFloat('globalNorm', name, tensor);
  return named.map(([, tensor]) => tensor);
}

/** One sum per tensor, in one tensor, for a single read. */
function composed(tensors: readonly tf.Tensor[]): tf.Tensor {
  return tf.stack(tensors.map((tensor) => tf.sum(tf.square(tensor))));
}

function total(sums: Float32Array): number {
  return sums.reduce((before, sum) => before + sum, 0);
}
