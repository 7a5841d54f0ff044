import { tf } from '../tensorflow';
import { fusedKernels } from '../kernels/registry';
import type { Activation, LinearKernel, WeightLayout } from '../kernels/kernels';
import { activationGradient, activationValue, checkActivation } from './activations';
import { check, checkFloat, checkRank, checkShape, checkTrains, shapeText } from './check';
import { differentiable } from './differentiable';
import { sumRows } from './sum-rows';
import { inShape, kernelRows } from './kernel-rows';

export interface LinearOptions<T extends tf.Tensor> {
  /** `[..., in]`, float32. */
  input: T;
  /** `[out, in]`, or `[in, out]` with `layout: 'in-out'`. */
  weight: tf.Tensor2D;
  /** `[out]`. @default none */
  bias?: tf.Tensor1D | null;
  /** Applied to the sum. @default 'none' */
  activation?: Activation;
  /** Memory layout of the weight: `out-in` as in PyTorch's Linear, `in-out` as in GPT-2's Conv1D. @default 'out-in' */
  layout?: WeightLayout;
}

/**
 * `output = activation(input · weightᵀ + bias)`, `[..., in]` → `[..., out]`; with `layout: 'in-out'`,
 * `activation(input · weight + bias)`.
 *
 * Gradients are computed only if the tape needs them: a frozen weight costs nothing.
 *
 * @throws OperationError if shapes do not match; in the backward pass if a gradient is requested for a weight stored in
 *   fewer bits than float32
 */
export function linear<T extends tf.Tensor>({
  input,
  weight,
  bias = null,
  activation = 'none',
  layout = 'out-in',
}: LinearOptions<T>): T {
  checkFloat('linear', 'input', input);
  checkFloat('linear', 'weight', weight);
  checkRank('linear', 'weight', weight, 2, layout === 'out-in' ? '[out, in]' : '[in, out]');
  check(
    'linear',
    layout === 'out-in' || layout === 'in-out',
    () => `layout must be 'out-in' or 'in-out', got ${String(layout)}.`,
  );
  checkActivation('linear', activation);
  const [inWidth, outWidth] =
    layout === 'out-in' ? [weight.shape[1], weight.shape[0]] : [weight.shape[0], weight.shape[1]];
  check(
    'linear',
    input.shape.length >= 1 && input.shape[input.shape.length - 1] === inWidth,
    () =>
      `the last axis of input ${shapeText(input)} must be ${inWidth}, to fit weight ${shapeText(weight)} laid out '${layout}'.`,
  );
  if (bias) {
    checkFloat('linear', 'bias', bias);
    checkShape('linear', 'bias', bias, [outWidth], 'one for each output');
  }
  const outputShape = [...input.shape.slice(0, -1), outWidth];
  /** Whether the forward pass saved the activation's derivative instead of the preactivation. */
  let hasDerivative = false;
  // Checked here, because inside an operation the tape is off.
  const recording = tf.engine().isTapeOn();
  const own = fusedKernels().linear;
  const kernel = own ?? composedLinear;

  return differentiable<T>({
    inputs: bias ? { input, weight, bias } : { input, weight },
    forward: (save) => {
      const flat = kernelRows(input, own);
      const { output, preactivation, derivative } = kernel.forward({
        input: flat,
        weight,
        bias,
        activation,
        layout,
        recording,
      });
      hasDerivative = derivative !== undefined;
      const kept = derivative ?? preactivation;
      save(kept ? [flat, weight, kept] : [flat, weight]);
      return inShape<T>(output, outputShape);
    },
    gradients: (gradient, [flat, weight, kept]) => {
      // Shared by all three gradients.
      let flatGradient = kernelRows(gradient, own);
      if (hasDerivative) flatGradient = tf.mul(flatGradient, kept!);
      else if (kept) flatGradient = activationGradient(activation, kept as tf.Tensor2D, flatGradient);
      const backward = (needs: { input?: boolean; weight?: boolean; bias?: boolean }) =>
        kernel.backward({
          gradient: flatGradient,
          input: kernelRows(flat!, own),
          weight: weight as tf.Tensor2D,
          layout,
          needs: { input: false, weight: false, bias: false, ...needs },
        });
      return {
        input: () => inShape(backward({ input: true }).input!, input.shape),
        weight: () => {
          checkTrains('linear', weight as tf.Tensor);
          return backward({ weight: true }).weight!;
        },
        bias: () => backward({ bias: true }).bias!,
      };
    },
  });
}

/** Composed of TensorFlow.js operations and the engine's activation. */
export const composedLinear: LinearKernel = {
  forward: ({ input, weight, bias, activation, layout }) => {
    const product = tf.matMul(input, weight, false, layout === 'out-in') as tf.Tensor2D;
    const sum = (bias ? tf.add(product, bias) : product) as tf.Tensor2D;
    return { output: activationValue(activation, sum), preactivation: activation === 'none' ? null : sum };
  },
  backward: ({ gradient, input, weight, layout, needs }) => {
    const outIn = layout === 'out-in';
    const weightGradient = () =>
      (outIn ? tf.matMul(gradient, input, true, false) : tf.matMul(input, gradient, true, false)) as tf.Tensor2D;
    return {
      input: needs.input ? (tf.matMul(gradient, weight, false, !outIn) as tf.Tensor2D) : null,
      weight: needs.weight ? weightGradient() : null,
      bias: needs.bias ? sumRows(gradient) : null,
    };
  },
};
