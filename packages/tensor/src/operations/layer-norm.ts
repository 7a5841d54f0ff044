import { tf } from '../tensorflow';
import { fusedKernels } from '../kernels/registry';
import type { LayerNormKernel } from '../kernels/kernels';
import { checkFloat } from './check';
import { differentiable } from './differentiable';
import { checkNorm } from './norms';
import { sumRows } from './sum-rows';
import { inShape, kernelRows } from './kernel-rows';

export interface LayerNormOptions<T extends tf.Tensor> {
  /** `[..., width]`, float32. */
  input: T;
  /** `[width]`. */
  scale: tf.Tensor1D;
  /** `[width]`. */
  bias: tf.Tensor1D;
  /** Added to the variance. @default 1e-5 */
  epsilon?: number;
}

/**
 * `output = (input − mean) / √(variance + ε) · scale + bias` over the last axis, with the biased variance.
 * Ba, Kiros & Hinton 2016 (arXiv:1607.06450).
 *
 * @throws OperationError if shapes do not match
 */
export function layerNorm<T extends tf.Tensor>({ input, scale, bias, epsilon = 1e-5 }: LayerNormOptions<T>): T {
  checkNorm({ operation: 'layerNorm', input, scale, epsilon });
  checkFloat('layerNorm', 'bias', bias);
  checkNorm({ operation: 'layerNorm', input, scale: bias, epsilon, name: 'bias' });
  const own = fusedKernels().layerNorm;
  const kernel = own ?? composed;
  return differentiable<T>({
    inputs: { input, scale, bias },
    forward: (save) => {
      const flat = kernelRows(input, own);
      const { output, mean, inverseDeviation } = kernel.forward({ input: flat, scale, bias, epsilon });
      save([flat, scale, mean, inverseDeviation]);
      return inShape<T>(output, input.shape);
    },
    gradients: (gradient, saved) => {
      const backward = kernel.backward({
        gradient: kernelRows(gradient, own),
        input: kernelRows(saved[0]!, own),
        scale: saved[1] as tf.Tensor1D,
        mean: saved[2] as tf.Tensor1D,
        inverseDeviation: saved[3] as tf.Tensor1D,
      });
      return {
        input: () => inShape(backward.input, input.shape),
        scale: () => backward.scale,
        bias: () => backward.bias,
      };
    },
  });
}

const composed: LayerNormKernel = { forward: composedForward, backward: composedBackward };

function composedForward({
  input,
  scale,
  bias,
  epsilon,
}: Parameters<LayerNormKernel['forward']>[0]): ReturnType<LayerNormKernel['forward']> {
  const mean = tf.mean(input, 1, true);
  const centred = tf.sub(input, mean);
  const inverseDeviation = tf.rsqrt(tf.add(tf.mean(tf.square(centred), 1, true), epsilon));
  return {
    output: tf.add(tf.mul(tf.mul(centred, inverseDeviation), scale), bias),
    mean: tf.reshape(mean, [-1]),
    inverseDeviation: tf.reshape(inverseDeviation, [-1]),
  };
}

/** With x̂ the normalised input and ĝ = gradient·scale: `dx = (ĝ − mean(ĝ) − x̂·mean(ĝ·x̂)) / √(variance + ε)`. */
function composedBackward({
  gradient,
  input,
  scale,
  mean,
  inverseDeviation,
}: Parameters<LayerNormKernel['backward']>[0]): ReturnType<LayerNormKernel['backward']> {
  return tf.tidy(() => {
    const rows = input.shape[0];
    const inverse = tf.reshape(inverseDeviation, [rows, 1]);
    const normalised = tf.mul(tf.sub(input, tf.reshape(mean, [rows, 1])), inverse);
    const scaled = tf.mul(gradient, scale);
    const along = tf.mul(normalised, tf.mean(tf.mul(scaled, normalised), 1, true));
    return {
      input: tf.mul(tf.sub(tf.sub(scaled, tf.mean(scaled, 1, true)), along), inverse) as tf.Tensor2D,
      scale: sumRows(tf.mul(gradient, normalised)),
      bias: sumRows(gradient),
    };
  });
}
