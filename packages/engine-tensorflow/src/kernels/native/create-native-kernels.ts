import { tf } from '@subtext/tensor';
import { activationCodes } from '@subtext/tensor/engine';
import type { FusedKernels, RotaryKernelOptions, TransformerBlockParts } from '@subtext/tensor';
import { transformerBlockLayers, transformerBlockTensors } from '@subtext/tensor/engine';
import type { NodeBackend } from '../node-backend';
import { createNativeRunner, type NativeRunner } from './native-runner';

/**
 * The kernels of `native/`, compiled for this machine's processor and registered as TensorFlow operations. Each is one
 * pass over memory where TensorFlow's own operations, without a graph, take one for every arithmetic step.
 */
export function createNativeKernels(backend: NodeBackend): FusedKernels {
  const runner = createNativeRunner(backend);
  return {
    takesAnyRank: true,
    ...linearKernels(runner),
    ...activationKernels(runner),
    ...normKernels(runner),
    ...attentionKernels(runner),
    ...tokenKernels(runner),
    ...blockKernels(runner),
    ...stateKernels(runner),
  };
}

function linearKernels({ run, settings, absent }: NativeRunner): FusedKernels {
  return {
    linear: {
      forward: ({ input, weight, bias, activation, layout, recording }) => {
        const inputs = [
          input,
          weight,
          bias ?? absent.float,
          settings(layout === 'out-in' ? 1 : 0, activationCodes[activation]),
        ];
        if (activation === 'none' || !recording) {
          return { output: run<[tf.Tensor2D]>('SubtextLinear', inputs, 1)[0], preactivation: null };
        }
        const [output, derivative] = run<[tf.Tensor2D, tf.Tensor2D]>('SubtextLinearWithDerivative', inputs, 2);
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
                1,
              )[0]
            : null,
          weight: needs.weight
            ? run<[tf.Tensor2D]>('SubtextTransposedProduct', outIn ? [gradient, input] : [input, gradient], 1)[0]
            : null,
          bias: needs.bias ? run<[tf.Tensor1D]>('SubtextSumRows', [gradient], 1)[0] : null,
        };
      },
    },
    sumRows: (input) => run<[tf.Tensor1D]>('SubtextSumRows', [input], 1)[0],
  };
}

function activationKernels({ run, settings }: NativeRunner): FusedKernels {
  return {
    activation: {
      forward: ({ input, activation }) =>
        run<[tf.Tensor2D]>('SubtextActivate', [input, settings(activationCodes[activation])], 1)[0],
      backward: ({ gradient, input, activation }) =>
        run<[tf.Tensor2D]>('SubtextActivateGradient', [gradient, input, settings(activationCodes[activation])], 1)[0],
    },
    gatedActivation: {
      forward: ({ gate, up, activation }) =>
        run<[tf.Tensor2D]>('SubtextGated', [gate, up, settings(activationCodes[activation])], 1)[0],
      backward: ({ gradient, gate, up, activation }) => {
        const [gateGradient, upGradient] = run<[tf.Tensor2D, tf.Tensor2D]>(
          'SubtextGatedGradient',
          [gradient, gate, up, settings(activationCodes[activation])],
          2,
        );
        return { gate: gateGradient, up: upGradient };
      },
    },
  };
}

function normKernels({ run, settings }: NativeRunner): FusedKernels {
  return {
    layerNorm: {
      forward: ({ input, scale, bias, epsilon }) => {
        const [output, mean, inverseDeviation] = run<[tf.Tensor2D, tf.Tensor1D, tf.Tensor1D]>(
          'SubtextLayerNorm',
          [input, scale, bias, settings(epsilon)],
          3,
        );
        return { output, mean, inverseDeviation };
      },
      backward: ({ gradient, input, scale, mean, inverseDeviation }) => {
        const [inputGradient, scaleGradient, biasGradient] = run<[tf.Tensor2D, tf.Tensor1D, tf.Tensor1D]>(
          'SubtextLayerNormGradient',
          [gradient, input, scale, mean, inverseDeviation],
          3,
        );
        return { input: inputGradient, scale: scaleGradient, bias: biasGradient };
      },
    },
    rmsNorm: {
      forward: ({ input, scale, epsilon }) => {
        const [output, inverseDeviation] = run<[tf.Tensor2D, tf.Tensor1D]>(
          'SubtextRmsNorm',
          [input, scale, settings(epsilon)],
          2,
        );
        return { output, inverseDeviation };
      },
      backward: ({ gradient, input, scale, inverseDeviation }) => {
        const [inputGradient, scaleGradient] = run<[tf.Tensor2D, tf.Tensor1D]>(
          'SubtextRmsNormGradient',
          [gradient, input, scale, inverseDeviation],
          2,
        );
        return { input: inputGradient, scale: scaleGradient };
      },
    },
  };
}

function attentionKernels({ run, settings, absent }: NativeRunner): FusedKernels {
  const turn = ({ input, heads, cos, sin }: RotaryKernelOptions, inverse: 0 | 1) =>
    run<[tf.Tensor3D]>('SubtextRotary', [input, cos, sin, settings(heads, inverse)], 1)[0];
  return {
    attention: {
      readsPrefix: true,
      forward: ({ query, key, value, mask, heads, keyValueHeads, causal, scale, keyTime = key.shape[1] }) => {
        // No keys at all is told from "all of the buffer" here.
        if (keyTime === 0) {
          return {
            output: tf.zerosLike(query),
            kept: [tf.fill([query.shape[0], heads, query.shape[1]], -Infinity)],
          };
        }
        const [output, logSumExp] = run<[tf.Tensor3D, tf.Tensor3D]>(
          'SubtextAttention',
          [query, key, value, mask ?? absent.integer, settings(heads, keyValueHeads, causal ? 1 : 0, scale, keyTime)],
          2,
        );
        return { output, kept: [logSumExp] };
      },
      backward: ({
        gradient,
        query,
        key,
        value,
        output,
        kept: [logSumExp],
        heads,
        keyValueHeads,
        causal,
        mask,
        scale,
      }) => {
        const [queryGradient, keyGradient, valueGradient] = run<[tf.Tensor3D, tf.Tensor3D, tf.Tensor3D]>(
          'SubtextAttentionGradient',
          [
            gradient,
            query,
            key,
            value,
            output,
            logSumExp!,
            mask ?? absent.integer,
            settings(heads, keyValueHeads, causal ? 1 : 0, scale, 0),
          ],
          3,
        );
        return { query: queryGradient, key: keyGradient, value: valueGradient };
      },
    },
    rotary: { forward: (options) => turn(options, 0), backward: (options) => turn(options, 1) },
  };
}

function tokenKernels({ run, settings }: NativeRunner): FusedKernels {
  return {
    embedding: {
      forward: ({ table, ids }) => run<[tf.Tensor2D]>('SubtextEmbedding', [table, ids], 1)[0],
      backward: ({ gradient, ids, vocabulary }) =>
        run<[tf.Tensor2D]>('SubtextEmbeddingGradient', [gradient, ids, settings(vocabulary)], 1)[0],
    },
    crossEntropy: {
      forward: ({ logits, labels, ignoreIndex }) => {
        const [losses, logSumExp] = run<[tf.Tensor1D, tf.Tensor1D]>(
          'SubtextCrossEntropy',
          [logits, labels, settings(ignoreIndex)],
          2,
        );
        return { losses, kept: [logits, labels, logSumExp] };
      },
      backward: ({ gradient, kept, ignoreIndex }) =>
        run<[tf.Tensor2D]>('SubtextCrossEntropyGradient', [gradient, ...kept, settings(ignoreIndex)], 1)[0],
    },
  };
}

/** Whole blocks: `native/block-operations.h` lists their inputs. */
function blockKernels({ run, settings, absent }: NativeRunner): FusedKernels {
  const inputsOf = (block: TransformerBlockParts & { mask: tf.Tensor | null }, offset = 0) => {
    const { attentionNorm, feedForwardNorm, heads, keyValueHeads, causal, scale, activation, rotary, mask } = block;
    const layouts = transformerBlockLayers(block).map((layer) => (layer?.layout === 'out-in' ? 1 : 0));
    const values = settings(
      heads,
      keyValueHeads,
      causal ? 1 : 0,
      scale,
      activationCodes[activation],
      attentionNorm.epsilon,
      feedForwardNorm.epsilon,
      ...layouts,
      offset,
    );
    return [
      ...transformerBlockTensors(block).map((tensor) => tensor ?? absent.float),
      rotary?.cos ?? absent.float,
      rotary?.sin ?? absent.float,
      mask ?? absent.integer,
      values,
    ];
  };
  return {
    decoderBlock: {
      forward: ({ cache, ...block }) =>
        run<[tf.Tensor3D]>('SubtextDecoderBlock', [...inputsOf(block, cache.offset), cache.key, cache.value], 1)[0],
    },
    transformerBlock: {
      forward: (block) => {
        const [output, ...values] = run<tf.Tensor[]>('SubtextTransformerBlock', inputsOf(block), 11);
        return { output: output as tf.Tensor3D, values };
      },
      backward: ({ gradient, values, ...block }) => {
        const gradients = run<tf.Tensor[]>(
          'SubtextTransformerBlockGradient',
          [...inputsOf(block), gradient, ...values],
          19,
        );
        return transformerBlockTensors(block).map((tensor, index) => (tensor === null ? null : gradients[index]!));
      },
    },
  };
}

function stateKernels({ run, settings }: NativeRunner): FusedKernels {
  const owned = new WeakSet<object>();
  /**
   * Gives a variable memory of its own before it is first changed in place. What was put into it may share memory that
   * TensorFlow.js does not count: an array of the caller's, or a tensor of another shape.
   */
  const own = (variable: tf.Variable) => {
    if (owned.has(variable.dataId)) return;
    const copy = tf.add(variable, 0);
    variable.assign(copy);
    copy.dispose();
    owned.add(variable.dataId);
  };
  return {
    sumOfSquares: (tensors) =>
      tf.tidy(() => {
        // One read for all of them. Each sum comes as two float32 numbers.
        const sums = tf.concat(tensors.map((tensor) => run<[tf.Tensor1D]>('SubtextSumOfSquares', [tensor], 1)[0]));
        return sums.dataSync<'float32'>().reduce((sum, part) => sum + part, 0);
      }),
    adamW: ({
      parameter,
      gradient,
      firstMoment,
      secondMoment,
      learningRate,
      beta1,
      beta2,
      epsilon,
      weightDecay,
      step,
      gradientScale,
    }) => {
      [parameter, firstMoment, secondMoment].forEach(own);
      const values = settings(
        learningRate,
        beta1,
        beta2,
        epsilon,
        1 - learningRate * weightDecay,
        1 - beta1 ** step,
        1 - beta2 ** step,
        gradientScale,
      );
      run<[]>('SubtextAdamW', [parameter, gradient, firstMoment, secondMoment, values], 0);
    },
    cacheWrite: ({ buffer, update, offset }) => {
      run<[]>('SubtextCacheWrite', [buffer, update, settings(offset)], 0);
    },
  };
}
