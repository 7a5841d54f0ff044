import type { tf, FusedKernels } from '@subtext/tensor';
import { activationCodes } from '@subtext/tensor/engine';
import type { OperationRunner } from './operation-runner';

type Names = 'linear' | 'sumRows' | 'activation' | 'gatedActivation' | 'layerNorm' | 'rmsNorm';

/** What works on rows: linear layers, activations and norms, of any rank. */
export function layerKernels({ run, settings, absent }: OperationRunner): Pick<Required<FusedKernels>, Names> {
  const sumRows = (input: tf.Tensor) => run<[tf.Tensor1D]>('SubtextSumRows', [input], [[input.shape.at(-1)!]])[0];
  /** The leading axes of a tensor. */
  const leading = ({ shape }: tf.Tensor) => shape.slice(0, -1);
  return {
    linear: {
      forward: ({ input, weight, bias, activation, layout, recording }) => {
        const outIn = layout === 'out-in';
        const shape = [...leading(input), weight.shape[outIn ? 0 : 1]];
        const inputs = [input, weight, bias ?? absent.float, settings(outIn ? 1 : 0, activationCodes[activation])];
        if (activation === 'none' || !recording) {
          return { output: run<[tf.Tensor2D]>('SubtextLinear', inputs, [shape])[0], preactivation: null };
        }
        const [output, derivative] = run<[tf.Tensor2D, tf.Tensor2D]>('SubtextLinearWithDerivative', inputs, [
          shape,
          shape,
        ]);
        return { output, preactivation: null, derivative };
      },
      backward: ({ gradient, input, weight, layout, needs }) => {
        const outIn = layout === 'out-in';
        return {
          // The gradient times the weight the other way round.
          input: needs.input
            ? run<[tf.Tensor2D]>(
                'SubtextLinear',
                [gradient, weight, absent.float, settings(outIn ? 0 : 1, activationCodes.none)],
                [input.shape],
              )[0]
            : null,
          weight: needs.weight
            ? run<[tf.Tensor2D]>('SubtextTransposedProduct', outIn ? [gradient, input] : [input, gradient], [
                weight.shape,
              ])[0]
            : null,
          bias: needs.bias ? sumRows(gradient) : null,
        };
      },
    },
    sumRows,
    activation: {
      forward: ({ input, activation }) =>
        run<[tf.Tensor2D]>('SubtextActivate', [input, settings(activationCodes[activation])], [input.shape])[0],
      backward: ({ gradient, input, activation }) =>
        run<[tf.Tensor2D]>(
          'SubtextActivateGradient',
          [gradient, input, settings(activationCodes[activation])],
          [input.shape],
        )[0],
    },
    gatedActivation: {
      forward: ({ gate, up, activation }) =>
        run<[tf.Tensor2D]>('SubtextGated', [gate, up, settings(activationCodes[activation])], [gate.shape])[0],
      backward: ({ gradient, gate, up, activation }) => {
        const [gateGradient, upGradient] = run<[tf.Tensor2D, tf.Tensor2D]>(
          'SubtextGatedGradient',
          [gradient, gate, up, settings(activationCodes[activation])],
          [gate.shape, up.shape],
        );
        return { gate: gateGradient, up: upGradient };
      },
    },
    layerNorm: {
      forward: ({ input, scale, bias, epsilon }) => {
        const rows = leading(input).reduce((product, size) => product * size, 1);
        const [output, mean, inverseDeviation] = run<[tf.Tensor2D, tf.Tensor1D, tf.Tensor1D]>(
          'SubtextLayerNorm',
          [input, scale, bias, settings(epsilon)],
          [input.shape, [rows], [rows]],
        );
        return { output, mean, inverseDeviation };
      },
      backward: ({ gradient, input, scale, mean, inverseDeviation }) => {
        const [inputGradient, scaleGradient, biasGradient] = run<[tf.Tensor2D, tf.Tensor1D, tf.Tensor1D]>(
          'SubtextLayerNormGradient',
          [gradient, input, scale, mean, inverseDeviation],
          [input.shape, scale.shape, scale.shape],
        );
        return { input: inputGradient, scale: scaleGradient, bias: biasGradient };
      },
    },
    rmsNorm: {
      forward: ({ input, scale, epsilon }) => {
        const [output, inverseDeviation] = run<[tf.Tensor2D, tf.Tensor1D]>(
          'SubtextRmsNorm',
          [input, scale, settings(epsilon)],
          [input.shape, [leading(input).reduce((product, size) => product * size, 1)]],
        );
        return { output, inverseDeviation };
      },
      backward: ({ gradient, input, scale, inverseDeviation }) => {
        const [inputGradient, scaleGradient] = run<[tf.Tensor2D, tf.Tensor1D]>(
          'SubtextRmsNormGradient',
          [gradient, input, scale, inverseDeviation],
          [input.shape, scale.shape],
        );
        return { input: inputGradient, scale: scaleGradient };
      },
    },
  };
}
