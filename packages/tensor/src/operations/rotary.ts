import { tf } from '../tensorflow';
import { fusedKernels } from '../kernels/registry';
import type { FusedKernels } from '../kernels/fused-kernels';
import { check, checkFloat, checkRank, checkShape, shapeText } from './check';
import { differentiable } from './differentiable';

export interface RotaryOptions {
  /** `[batch, time, heads·headWidth]`, heads side by side. */
  input: tf.Tensor3D;
  heads: number;
  /** `[batch or 1, time, dimensions / 2]`: cosines of the angles. */
  cos: tf.Tensor3D;
  /** `[batch or 1, time, dimensions / 2]`: sines of the angles. */
  sin: tf.Tensor3D;
  /** How many numbers of each head are rotated, the first ones; the others stay (`partial_rotary_factor`). @default headWidth */
  dimensions?: number;
  /** Which numbers turn together. @default 'halves' */
  layout?: RotaryLayout;
}

/** `halves` pairs i with i + dimensions/2 (Llama, Phi: `rotate_half`), `interleaved` 2i with 2i + 1 (GPT-J, GLM, Cohere). */
export type RotaryLayout = 'halves' | 'interleaved';

type Kernel = NonNullable<FusedKernels['rotary']>;

/**
 * Rotary position embedding: of the first D = `dimensions` numbers of each head, each pair (a, b) turns by its angle,
 * `a′ = a·cos − b·sin` and `b′ = b·cos + a·sin`. Pair i < D/2 is (x[i], x[i+D/2]), Hugging Face's `rotate_half`, or with
 * `layout: 'interleaved'` (x[2i], x[2i+1]).
 * Su et al. 2021 (arXiv:2104.09864). The angles are constants: no gradient flows to `cos` and `sin`.
 *
 * @throws OperationError where shapes do not fit.
 */
export function rotary({ input, heads, cos, sin, dimensions, layout = 'halves' }: RotaryOptions): tf.Tensor3D {
  checkFloat('rotary', 'input', input);
  checkRank('rotary', 'input', input, 3, '[batch, time, heads·headWidth]');
  const [batch, time, width] = input.shape;
  check(
    'rotary',
    Number.isInteger(heads) &&
      heads > 0 &&
      width % heads === 0 &&
      (dimensions !== undefined || width % (2 * heads) === 0),
    () => `heads must divide the width of input ${shapeText(input)} into even parts, got ${heads}.`,
  );
  const headWidth = width / heads;
  const turned = dimensions ?? headWidth;
  check(
    'rotary',
    Number.isInteger(turned) && turned > 0 && turned % 2 === 0 && turned <= headWidth,
    () => `dimensions must be even, from 2 to the head width ${headWidth}, got ${turned}.`,
  );
  check(
    'rotary',
    layout === 'halves' || layout === 'interleaved',
    () => `layout must be 'halves' or 'interleaved', got ${String(layout)}.`,
  );
  const half = turned / 2;
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
      '[batch or 1, time, dimensions / 2]',
    );
  }
  checkShape('rotary', 'sin', sin, cos.shape, 'as cos');
  if (turned < headWidth) {
    // The numbers that stay are cut off and put back: every engine's kernel turns whole heads.
    const [first, rest] = tf.split(
      tf.reshape(input, [batch, time, heads, headWidth]),
      [turned, headWidth - turned],
      3,
    ) as [tf.Tensor4D, tf.Tensor4D];
    const whole = rotary({ input: tf.reshape(first, [batch, time, heads * turned]), heads, cos, sin, layout });
    return tf.reshape(tf.concat([tf.reshape(whole, first.shape), rest], 3), input.shape) as tf.Tensor3D;
  }
  const kernel = layout === 'halves' ? (fusedKernels().rotary ?? composed) : composedInterleaved;
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

const composedInterleaved: Kernel = ({ input, heads, cos, sin, inverse }) =>
  tf.tidy(() => {
    const [batch, time, width] = input.shape;
    const half = width / heads / 2;
    const pairs = tf.reshape(input, [batch, time, heads, half, 2]);
    const [first, second] = tf.split(pairs, 2, 4) as [tf.Tensor, tf.Tensor];
    const cosine = tf.reshape(cos, [cos.shape[0], time, 1, half, 1]);
    const sine = tf.reshape(inverse ? tf.neg(sin) : sin, [sin.shape[0], time, 1, half, 1]);
    const rotated = tf.concat(
      [tf.sub(tf.mul(first, cosine), tf.mul(second, sine)), tf.add(tf.mul(second, cosine), tf.mul(first, sine))],
      4,
    );
    return tf.reshape(rotated, [batch, time, width]) as tf.Tensor3D;
  });

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
