import { tf } from '@subtext/tensor';
import { composedLinear } from '@subtext/tensor/engine';
import type { LinearKernel } from '@subtext/tensor';
import { activationKernels } from './activation-kernels';
import type { RunShader } from './run-shader';

/** The backend's product with the bias added in the same pass, then the activation in one. */
export function linearKernel(run: RunShader): LinearKernel {
  const { activation: activate } = activationKernels(run);
  return {
    forward: ({ input, weight, bias, activation, layout }) => {
      const sum = tf.fused.matMul({
        a: input,
        b: weight,
        transposeB: layout === 'out-in',
        ...(bias ? { bias } : {}),
      }) as tf.Tensor2D;
      return activation === 'none'
        ? { output: sum, preactivation: null }
        : { output: activate.forward({ input: sum, activation }), preactivation: sum };
    },
    backward: composedLinear.backward,
  };
}
