import { tf } from '@subtext/tensor';
import type { LinearKernel } from '@subtext/tensor';
import { composedActivation, sigmoidForm } from '@subtext/tensor/engine';
import type { NodeBackend } from './node-backend';
import { sumRowsKernel } from './sum-rows';

/**
 * Linear layers by `MatMul` and `BiasAdd`, which cost less than the batched product and the broadcast addition that
 * TensorFlow.js runs. For activations built on a sigmoid the derivative is computed with the output, from the same
 * intermediate values: an activation's cost is its passes over memory, and this saves a third of them.
 */
export function linearKernel(backend: NodeBackend): LinearKernel {
  const { binding } = backend;
  const float = { name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT };
  const format = { name: 'data_format', type: binding.TF_ATTR_STRING, value: 'NHWC' };
  const multiply = (a: tf.Tensor2D, b: tf.Tensor2D, transposeA: boolean, transposeB: boolean) =>
    backend.executeSingleOutput(
      'MatMul',
      [
        { name: 'transpose_a', type: binding.TF_ATTR_BOOL, value: transposeA },
        { name: 'transpose_b', type: binding.TF_ATTR_BOOL, value: transposeB },
        float,
      ],
      [a, b],
    ) as tf.Tensor2D;
  const sigmoidGradient = (sigmoid: tf.Tensor, gradient: tf.Tensor) =>
    backend.executeSingleOutput('SigmoidGrad', [float], [sigmoid, gradient]);
  const sumRows = sumRowsKernel(backend);

  return {
    forward: ({ input, weight, bias, activation, layout, recording }) => {
      const product = multiply(input, weight, false, layout === 'out-in');
      const sum = (
        bias ? backend.executeSingleOutput('BiasAdd', [float, format], [product, bias]) : product
      ) as tf.Tensor2D;
      if (activation === 'none') {
        return { output: sum, preactivation: null };
      }
      const form = sigmoidForm({ activation, x: sum });
      if (!form) {
        return { output: composedActivation({ activation, x: sum }), preactivation: sum };
      }
      const sigmoid = tf.sigmoid(form.inner);
      const output = tf.mul(sum, sigmoid) as tf.Tensor2D;
      // (x·σ(u))′ = σ(u) + x·u′·σ(u)·(1−σ(u)).
      return recording
        ? {
            output,
            preactivation: null,
            derivative: tf.add(sigmoid, sigmoidGradient(sigmoid, form.inputTimesDerivative())) as tf.Tensor2D,
          }
        : { output, preactivation: null };
    },

    backward: ({ gradient, input, weight, layout, needs }) => {
      const outIn = layout === 'out-in';
      return {
        input: needs.input ? multiply(gradient, weight, false, !outIn) : null,
        weight: needs.weight
          ? outIn
            ? multiply(gradient, input, true, false)
            : multiply(input, gradient, true, false)
          : null,
        bias: needs.bias ? sumRows(gradient) : null,
      };
    },
  };
}
