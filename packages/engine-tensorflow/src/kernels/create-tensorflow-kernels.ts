import { tf } from '@subtext/tensor';
import type { FusedKernels } from '@subtext/tensor';
import { createNativeKernels } from '@subtext/native-kernels';
import { activationKernels } from './activations';
import { adamWKernel } from './adam-w';
import { crossEntropyKernel } from './cross-entropy';
import { linearKernel } from './linear';
import { createTensorflowRunner } from './native/tensorflow-runner';
import { nodeBackend } from './node-backend';
import { sumRowsKernel } from './sum-rows';

/**
 * What the `tensorflow` engine computes itself: Subtext's own kernels where they are compiled (`native`), else TensorFlow
 * operations that beat what TensorFlow.js composes, run by name through tfjs-node's backend.
 */
export function createTensorflowKernels({ native }: { native: boolean }): FusedKernels {
  const backend = nodeBackend();
  if (native) return createNativeKernels(createTensorflowRunner(backend));
  const { binding } = backend;
  const float = [{ name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT }];
  return {
    ...activationKernels(backend),
    linear: linearKernel(backend),
    adamW: adamWKernel(backend),
    sumRows: sumRowsKernel(backend),
    crossEntropy: crossEntropyKernel(backend),
    sumOfSquares: (tensors) =>
      // L2Loss is half the sum of squares. One read for all of them: each waits for the device.
      tf.tidy(() => {
        const halves = tf.stack(tensors.map((tensor) => backend.executeSingleOutput('L2Loss', float, [tensor])));
        return halves.dataSync<'float32'>().reduce((sum, half) => sum + 2 * half, 0);
      }),
  };
}
