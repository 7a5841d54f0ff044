import { tf } from '../tensorflow';
import { fusedKernels } from '../kernels/registry';
import type { RmsNormKernel } from '../kernels/kernels';
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

/**
 * `output = input / √(mean(input²) + ε) · scale` over the last axis. Zhang & Sennrich 2019 (arXiv:1910.07467).
 *
 * @throws OperationError if shapes do not match
 */
export function rmsNorm<T extends tf.Tensor>({ input, scale, epsilon = 1e-6 }: RmsNormOptions<T>): T {
  checkNorm({ operation: 'rmsNorm', input, scale, epsilon });
  const own = fusedKernels().rmsNorm;
  const kernel = own ?? composed;
  return differentiable<T>({
    inputs: { input, scale },
    forward: (save) => {
      const flat = kernelRows(input, own);
      const { output, inverseDeviation } = kernel.forward({ input: flat, scale, epsilon });
      save([flat, scale, inverseDeviation]);
      return inShape<T>(output, input.shape);
    },
    gradients: (gradient, saved) => {
      const backward = kernel.backward({
        gradient: kernelRows(gradient, own),
        input: kernelRows(saved[0]!, own),
        scale: saved[1] as tf.Tensor1D,
        inverseDeviation: saved[2] as tf.Tensor1D,
      });
      return { input: () => inShape(backward.input, input.shape), scale: () => backward.scale };
    },
  });
}

const composed: RmsNormKernel = { forward: composedForward, backward: composedBackward };

function composedForward({
  input,
  scale,
  epsilon,
}: Parameters<RmsNormKernel['forward']>[0]): ReturnType<RmsNormKernel['forward']> {
  const inverseDeviation = tf.rsqrt(tf.add(tf.mean(tf.square(input), 1, true), epsilon));
  return {
    output: tf.mul(tf.mul(input, inverseDeviation), scale),
    inverseDeviation: tf.reshape(inverseDeviation, [-1]),
  };
}

/** With x̂ the normalised input and ĝ = gradient·scale: `dx = (ĝ − x̂·mean(ĝ·x̂)) / √(mean(x²) + ε)`. */
function composedBackward({
  gradient,
  input,
  scale,
  inverseDeviation,
}: Parameters<RmsNormKernel['backward']>[0]): ReturnType<RmsNormKernel['backward']> {
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
