import { tf } from '../tensorflow';
import { fusedKernels } from '../kernels/registry';
import type { FusedKernels } from '../kernels/fused-kernels';
import { check, checkFloat, checkRank, checkShape, shapeText } from './check';
import { differentiable } from './differentiable';

export interface RotaryOptions {
  /** `[batch, time, heads·headWidth]`, heads side by side. */
  input: tf.Tensor3D;
  heads: number;
  /** `[batch or 1, time, headWidth / 2]`: cosines of the angles. */
  cos: tf.Tensor3D;
  /** `[batch or 1, time, headWidth / 2]`: sines of the angles. */
  sin: tf.Tensor3D;
}

type Kernel = NonNullable<FusedKernels['rotary']>;

/**
 * Rotary position embedding in Hugging Face's `rotate_half` form: in each head, for i < D/2,
 * `y[i] = x[i]·cos[i] − x[i+D/2]·sin[i]` and `y[i+D/2] = x[i+D/2]·cos[i] + x[i]·sin[i]`.
 * Su et al. 2021 (arXiv:2104.09864). The angles are constants: no gradient flows to `cos` and `sin`.
 *
 * @throws OperationError where shapes do not fit.
 */
export function rotary({ input, heads, cos, sin }: RotaryOptions): tf.Tensor3D {
  checkFloat('rotary', 'input', input);
  checkRank('rotary', 'input', input, 3, '[batch, time, heads·headWidth]');
  const [batch, time, width] = input.shape;
  check(
    'rotary',
    Number.isInteger(heads) && heads > 0 && width % (2 * heads) === 0,
    () => `heads must divide the width of input ${shapeText(input)} into even parts, got ${heads}.`,
  );
  const half = width / heads / 2;
  for (const [name, table] of [
    ['cos', cos],
    ['sin', sin],
  ] as const) {
    checkFloat('rotary', name, table);
    checkShape(
      'rotary',
      name,
      table,
      [table.shape[0] === 1 ? 1 : batch, time, half],
      '[batch or 1, time, headWidth / 2]',
    );
  }
  checkShape('rotary', 'sin', sin, cos.shape, 'as cos');
  const kernel = fusedKernels().rotary ?? composed;
  return differentiable<tf.Tensor3D>({
    inputs: { input },
    forward: (save) => {
      save([cos, sin]);
      return kernel({ input, heads, cos, sin, inverse: false });
    },
    gradients: (gradient, [cos, sin]) => ({
      input: () => kernel({ input: gradient, heads, cos: cos as tf.Tensor3D, sin: sin as tf.Tensor3D, inverse: true }),
    }),
  });
}

const composed: Kernel = ({ input, heads, cos, sin, inverse }) =>
  tf.tidy(() => {
    const [batch, time, width] = input.shape;
    const half = width / heads / 2;
    const [first, second] = tf.split(tf.reshape(input, [batch, time, heads, 2 * half]), 2, 3) as [
      tf.Tensor4D,
      tf.Tensor4D,
    ];
    const cosine = tf.reshape(cos, [cos.shape[0], time, 1, half]);
    const sine = tf.reshape(inverse ? tf.neg(sin) : sin, [sin.shape[0], time, 1, half]);
    const rotated = tf.concat(
      [tf.sub(tf.mul(first, cosine), tf.mul(second, sine)), tf.add(tf.mul(second, cosine), tf.mul(first, sine))],
      3,
    );
    return tf.reshape(rotated, [batch, time, width]) as tf.Tensor3D;
  });
