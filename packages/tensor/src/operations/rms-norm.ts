import { tf } from '../tensorflow';
import { fusedKernels } from '../kernels/registry';
import type { FusedKernels } from '../kernels/fused-kernels';
import { differentiable } from './differentiable';
import { checkNorm } from './norms';
import { sumRows } from './sum-rows';
import { inShape, kernelRows } from './kernel-rows';

export interface RmsNormOptions<T extends tf.Tensor> {
  /** `[..., width]`, float32. */
  input: T;
  /** `[width]`. */
  scale: tf.Tensor1D;
  /** Added to the mean square. @default 1e-6 */
  epsilon?: number;
}

type Forward = NonNullable<FusedKernels['rmsNormForward']>;
type Backward = NonNullable<FusedKernels['rmsNormBackward']>;

/**
 * `output = input / √(mean(input²) + ε) · scale` over the last axis. Zhang & Sennrich 2019 (arXiv:1910.07467).
 *
 * @throws OperationError where shapes do not fit.
 */
export function rmsNorm<T extends tf.Tensor>({ input, scale, epsilon = 1e-6 }: RmsNormOptions<T>): T {
  checkNorm({ operation: 'rmsNorm', input, scale, epsilon });
  return differentiable<T>({
    inputs: { input, scale },
    forward: (save) => {
      const fused = fusedKernels().rmsNormForward;
      const flat = kernelRows(input, fused);
      const { output, inverseDeviation } = (fused ?? composedForward)({ input: flat, scale, epsilon });
      save([flat, scale, inverseDeviation]);
      return inShape<T>(output, input.shape);
    },
    gradients: (gradient, saved) => {
      const fused = fusedKernels().rmsNormBackward;
      const backward = (fused ?? composedBackward)({
        gradient: kernelRows(gradient, fused),
        input: kernelRows(saved[0]!, fused),
        scale: saved[1] as tf.Tensor1D,
        inverseDeviation: saved[2] as tf.Tensor1D,
      });
      return { input: () => inShape(backward.input, input.shape), scale: () => backward.scale };
    },
  });
}

function composedForward({ input, scale, epsilon }: Parameters<Forward>[0]): ReturnType<Forward> {
  const inverseDeviation = tf.rsqrt(tf.add(tf.mean(tf.square(input), 1, true), epsilon));
  return {
    output: tf.mul(tf.mul(input, inverseDeviation), scale),
    inverseDeviation: tf.reshape(inverseDeviation, [-1]),
  };
}

/** With x̂ the normalised input and ĝ = gradient·scale: `dx = (ĝ − x̂·mean(ĝ·x̂)) / √(mean(x²) + ε)`. */
function composedBackward({ gradient, input, scale, inverseDeviation }: Parameters<Backward>[0]): ReturnType<Backward> {
  return tf.tidy(() => {
    const inverse = tf.reshape(inverseDeviation, [input.shape[0], 1]);
    const normalised = tf.mul(input, inverse);
    const scaled = tf.mul(gradient, scale);
    return {
      input: tf.mul(
        tf.sub(scaled, tf.mul(normalised, tf.mean(tf.mul(scaled, normalised), 1, true))),
        inverse,
      ) as tf.Tensor2D,
      scale: sumRows(tf.mul(gradient, normalised)),
    };
  });
}
