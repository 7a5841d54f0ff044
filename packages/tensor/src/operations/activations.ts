import { tf } from '../tensorflow';
import { OperationError } from '../errors';
import { fusedKernels } from '../kernels/registry';
import type { Activation } from '../kernels/fused-kernels';

const inverseRootTwo = Math.SQRT1_2;
const rootTwoOverPi = Math.sqrt(2 / Math.PI);
const inverseRootTwoPi = 1 / Math.sqrt(2 * Math.PI);
/** Cubic coefficient of the tanh approximation of GELU, Hendrycks & Gimpel 2016 (arXiv:1606.08415). */
const geluCubic = 0.044715;
/** Slope of the sigmoid approximation of GELU, same paper; CLIP's activation. */
const quickGeluSlope = 1.702;

/** A function and its derivative, composed of TensorFlow.js operations. */
interface ComposedActivation {
  forward: (x: tf.Tensor) => tf.Tensor;
  /** d forward / dx at `x`. */
  derivative: (x: tf.Tensor) => tf.Tensor;
}

const sigmoidScaled = (slope: number): ComposedActivation => ({
  forward: (x) => tf.mul(x, tf.sigmoid(tf.mul(x, slope))),
  derivative: (x) => {
    const sigmoid = tf.sigmoid(tf.mul(x, slope));
    return tf.mul(sigmoid, tf.add(1, tf.mul(tf.mul(x, slope), tf.sub(1, sigmoid))));
  },
});

const composed: Record<Exclude<Activation, 'none'>, ComposedActivation> = {
  gelu: {
    forward: (x) => tf.mul(tf.mul(x, 0.5), tf.add(1, tf.erf(tf.mul(x, inverseRootTwo)))),
    derivative: (x) => {
      const cumulative = tf.mul(0.5, tf.add(1, tf.erf(tf.mul(x, inverseRootTwo))));
      const density = tf.mul(inverseRootTwoPi, tf.exp(tf.mul(-0.5, tf.square(x))));
      return tf.add(cumulative, tf.mul(x, density));
    },
  },
  // Written with σ(2u) = (1 + tanh u) / 2, which needs fewer passes over memory; u = √(2/π)·(x + 0.044715·x³).
  'gelu-tanh': {
    forward: (x) => tf.mul(x, tf.sigmoid(tf.mul(x, tf.add(2 * rootTwoOverPi, tf.mul(2 * rootTwoOverPi * geluCubic, tf.square(x)))))),
    derivative: (x) => {
      const squared = tf.square(x);
      const sigmoid = tf.sigmoid(tf.mul(x, tf.add(2 * rootTwoOverPi, tf.mul(2 * rootTwoOverPi * geluCubic, squared))));
      const slope = tf.mul(x, tf.add(2 * rootTwoOverPi, tf.mul(6 * rootTwoOverPi * geluCubic, squared)));
      return tf.mul(sigmoid, tf.add(1, tf.mul(slope, tf.sub(1, sigmoid))));
    },
  },
  'quick-gelu': sigmoidScaled(quickGeluSlope),
  silu: sigmoidScaled(1),
  relu: { forward: (x) => tf.relu(x), derivative: (x) => tf.step(x) },
  tanh: { forward: (x) => tf.tanh(x), derivative: (x) => tf.sub(1, tf.square(tf.tanh(x))) },
};

/** Every activation's name. */
export const activationNames: readonly Activation[] = ['none', 'gelu', 'gelu-tanh', 'quick-gelu', 'silu', 'relu', 'tanh'];

/** Throws unless `activation` is one of {@link activationNames}. */
export function checkActivation(operation: string, activation: Activation): void {
  if (!activationNames.includes(activation)) {
    throw new OperationError({ operation, code: 'invalid-argument', message: `activation must be one of ${activationNames.join(', ')}, got ${String(activation)}.` });
  }
}

/** `activation(x)`, not differentiable: for use inside an operation. */
export function activationValue<T extends tf.Tensor>(activation: Activation, x: T): T {
  if (activation === 'none') {
    return x;
  }
  const fused = fusedKernels().activationForward;
  return fused ? (tf.reshape(fused({ input: asRows(x), activation }), x.shape) as T) : tf.tidy(() => composed[activation].forward(x) as T);
}

/** `gradient · activation′(x)`. */
export function activationGradient<T extends tf.Tensor>(activation: Activation, x: T, gradient: T): T {
  if (activation === 'none') {
    return gradient;
  }
  const fused = fusedKernels().activationBackward;
  return fused
    ? (tf.reshape(fused({ gradient: asRows(gradient), preactivation: asRows(x), activation }), x.shape) as T)
    : tf.tidy(() => tf.mul(gradient, composed[activation].derivative(x)) as T);
}

function asRows(tensor: tf.Tensor): tf.Tensor2D {
  const width = tensor.shape[tensor.shape.length - 1] ?? 1;
  return tf.reshape(tensor, [width === 0 ? 0 : tensor.size / width, width]) as tf.Tensor2D;
}
