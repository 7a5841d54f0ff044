import { tf } from '../tensorflow';
import { fusedKernels, supporting } from '../kernels/registry';
import type { RotaryKernel, RotaryKernelOptions } from '../kernels/kernels';
import { check, checkFloat, checkRank, checkShape, shapeText } from './check';
import { differentiable } from './differentiable';

export interface RotaryOptions {
  /** `[batch, time, heads·headWidth]`, heads concatenated. */
  input: tf.Tensor3D;
  heads: number;
  /** `[batch or 1, time, dimensions / 2]`: cosines of the angles. */
  cos: tf.Tensor3D;
  /** `[batch or 1, time, dimensions / 2]`: sines of the angles. */
  sin: tf.Tensor3D;
  /** Number of leading dimensions of each head to rotate; the others are unchanged (`partial_rotary_factor`). @default headWidth */
  dimensions?: number;
  /** Which dimensions are paired. @default 'halves' */
  layout?: RotaryLayout;
}

/** `halves` pairs i with i + dimensions/2 (Llama, Phi: `rotate_half`), `interleaved` 2i with 2i + 1 (GPT-J, GLM, Cohere). */
export type RotaryLayout = 'halves' | 'interleaved';

/**
 * Rotary position embedding (RoPE): in the first D = `dimensions` dimensions of each head, each pair (a, b) is rotated by
 * its angle, `a′ = a·cos − b·sin` and `b′ = b·cos + a·sin`. Pair i < D/2 is (x[i], x[i+D/2]), Hugging Face's
 * `rotate_half`, or with `layout: 'interleaved'` (x[2i], x[2i+1]).
 * Su et al. 2021 (arXiv:2104.09864). The angles are constants: no gradient flows to `cos` and `sin`.
 *
 * @throws OperationError if shapes do not match
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
  const options = { input, heads, cos, sin, dimensions: turned, layout };
  const plain = turned === headWidth && layout === 'halves';
  const kernel = supporting({ kernel: fusedKernels().rotary, options, plain });
  if (kernel === null && turned < headWidth) {
    // Split off the unrotated dimensions, so that the engine's kernel rotates whole heads, and append them again.
    const [first, rest] = tf.split(
      tf.reshape(input, [batch, time, heads, headWidth]),
      [turned, headWidth - turned],
      3,
    ) as [tf.Tensor4D, tf.Tensor4D];
    const whole = rotary({ input: tf.reshape(first, [batch, time, heads * turned]), heads, cos, sin, layout });
    return tf.reshape(tf.concat([tf.reshape(whole, first.shape), rest], 3), input.shape) as tf.Tensor3D;
  }
  const { forward, backward } = kernel ?? composedRotary;
  return differentiable<tf.Tensor3D>({
    inputs: { input },
    forward: (save) => {
      save([cos, sin]);
      return forward(options);
    },
    gradients: (gradient, [cos, sin]) => ({
      input: () => backward({ ...options, input: gradient, cos: cos as tf.Tensor3D, sin: sin as tf.Tensor3D }),
    }),
  });
}

/** Rotates whole heads in either layout. */
const composedRotary: RotaryKernel = {
  forward: (options) => composed(options),
  backward: (options) => tf.tidy(() => composed({ ...options, sin: tf.neg(options.sin) })),
};

function composed({ input, heads, cos, sin, layout }: RotaryKernelOptions): tf.Tensor3D {
  return tf.tidy(() => {
    const [batch, time, width] = input.shape;
    const half = width / heads / 2;
    // Pairs are half a head apart, or adjacent.
    const [shape, axis] = layout === 'halves' ? [[2, half], 3] : [[half, 2], 4];
    const [first, second] = tf.split(tf.reshape(input, [batch, time, heads, ...shape]), 2, axis) as [
      tf.Tensor,
      tf.Tensor,
    ];
    const angles = [time, 1, ...(layout === 'halves' ? [1, half] : [half, 1])];
    const cosine = tf.reshape(cos, [cos.shape[0], ...angles]);
    const sine = tf.reshape(sin, [sin.shape[0], ...angles]);
    const rotated = tf.concat(
      [tf.sub(tf.mul(first, cosine), tf.mul(second, sine)), tf.add(tf.mul(second, cosine), tf.mul(first, sine))],
      axis,
    );
    return tf.reshape(rotated, [batch, time, width]) as tf.Tensor3D;
  });
}
