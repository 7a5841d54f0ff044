import { tf } from '../tensorflow';
import { OperationError } from '../errors';
import { fusedKernels } from '../kernels/registry';
import type { Activation } from '../kernels/kernels';
import { inShape, kernelRows } from './kernel-rows';

const inverseRootTwo = Math.SQRT1_2;
const rootTwoOverPi = Math.sqrt(2 / Math.PI);
const inverseRootTwoPi = 1 / Math.sqrt(2 * Math.PI);
/** Cubic coefficient of the tanh approximation of GELU, Hendrycks & Gimpel 2016 (arXiv:1606.08415). */
const geluCubic = 0.044715;
/** Slope of the sigmoid approximation of GELU, from the same paper; used by CLIP. */
const quickGeluSlope = 1.702;

/** A function and its derivative, composed of TensorFlow.js operations. */
interface ComposedActivation {
  forward: (x: tf.Tensor) => tf.Tensor;
  /** d forward / dx at `x`. */
  derivative: (x: tf.Tensor) => tf.Tensor;
}

/** x·σ(u) and its derivative σ(u) + x·u′·σ(u)·(1−σ(u)), by {@link sigmoidForm}. */
const sigmoidActivation = (activation: Activation): ComposedActivation => ({
  forward: (x) => tf.mul(x, tf.sigmoid(sigmoidForm({ activation, x })!.inner)),
  derivative: (x) => {
    const { inner, inputTimesDerivative } = sigmoidForm({ activation, x })!;
    const sigmoid = tf.sigmoid(inner);
    return tf.mul(sigmoid, tf.add(1, tf.mul(inputTimesDerivative(), tf.sub(1, sigmoid))));
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
  // (1 + tanh u) / 2 = σ(2u), which needs fewer passes over memory.
  'gelu-tanh': sigmoidActivation('gelu-tanh'),
  'quick-gelu': sigmoidActivation('quick-gelu'),
  silu: sigmoidActivation('silu'),
  relu: { forward: (x) => tf.relu(x), derivative: (x) => tf.step(x) },
  tanh: { forward: (x) => tf.tanh(x), derivative: (x) => tf.sub(1, tf.square(tf.tanh(x))) },
};

/** Names of all activations. */
export const activationNames: readonly Activation[] = [
  'none',
  'gelu',
  'gelu-tanh',
  'quick-gelu',
  'silu',
  'relu',
  'tanh',
];

/** Throws unless `activation` is one of {@link activationNames}. */
export function checkActivation(operation: string, activation: Activation): void {
  if (!activationNames.includes(activation)) {
    throw new OperationError({
      operation,
      code: 'invalid-option',
      message: `activation must be one of ${activationNames.join(', ')}, got ${String(activation)}.`,
    });
  }
}

/** `activation(x)`, not differentiable; for use inside an operation. */
export function activationValue<T extends tf.Tensor>(activation: Activation, x: T): T {
  const own = fusedKernels().activation;
  return own && activation !== 'none'
    ? inShape<T>(own.forward({ input: kernelRows(x, own), activation }), x.shape)
    : composedActivation({ activation, x });
}

/** `gradient · activation′(x)`. */
export function activationGradient<T extends tf.Tensor>(activation: Activation, x: T, gradient: T): T {
  const own = fusedKernels().activation;
  return own && activation !== 'none'
    ? inShape<T>(own.backward({ gradient: kernelRows(gradient, own), input: kernelRows(x, own), activation }), x.shape)
    : composedActivationGradient({ activation, x, gradient });
}

/** {@link activationValue}, composed of TensorFlow.js operations. */
export function composedActivation<T extends tf.Tensor>({ activation, x }: { activation: Activation; x: T }): T {
  return activation === 'none' ? x : tf.tidy(() => composed[activation].forward(x) as T);
}

/** {@link activationGradient}, composed of TensorFlow.js operations. */
export function composedActivationGradient<T extends tf.Tensor>({
  activation,
  x,
  gradient,
}: {
  activation: Activation;
  x: T;
  gradient: T;
}): T {
  return activation === 'none' ? gradient : tf.tidy(() => tf.mul(gradient, composed[activation].derivative(x)) as T);
}

/**
 * For activations of the form x·σ(u): `inner` is u, and `inputTimesDerivative` is x·u′, computed lazily. Null for other
 * activations. `silu` has u = x, `quick-gelu` u = 1.702·x, `gelu-tanh` u = 2·√(2/π)·(x + 0.044715·x³).
 */
export function sigmoidForm({
  activation,
  x,
}: {
  activation: Activation;
  x: tf.Tensor;
}): { inner: tf.Tensor; inputTimesDerivative: () => tf.Tensor } | null {
  if (activation === 'silu') {
    return { inner: x, inputTimesDerivative: () => x };
  }
  if (activation === 'quick-gelu') {
    const inner = tf.mul(x, quickGeluSlope);
    return { inner, inputTimesDerivative: () => inner };
  }
  if (activation === 'gelu-tanh') {
    const cubic = tf.mul(2 * rootTwoOverPi * geluCubic, tf.square(x));
    return {
      inner: tf.mul(x, tf.add(cubic, 2 * rootTwoOverPi)),
      inputTimesDerivative: () => tf.mul(x, tf.add(tf.mul(cubic, 3), 2 * rootTwoOverPi)),
    };
  }
  return null;
}
