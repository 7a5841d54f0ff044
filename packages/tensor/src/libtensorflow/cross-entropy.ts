import { tf } from '../tensorflow';
import type { FusedKernels } from '../kernels/fused-kernels';
import type { NodeBackend } from './node-backend';

/** Losses by `SparseSoftmaxCrossEntropyWithLogits`, which gives the gradient by the logits in the same pass. */
export function crossEntropyKernel(backend: NodeBackend): NonNullable<FusedKernels['crossEntropyWithGradient']> {
  const { binding } = backend;
  const attributes = [
    { name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT },
    { name: 'Tlabels', type: binding.TF_ATTR_TYPE, value: binding.TF_INT32 },
  ];
  return ({ logits, labels, ignoreIndex }) => {
    const counted = tf.notEqual(labels, tf.scalar(ignoreIndex, 'int32'));
    // Row by row the operation wants a label in range; ignored rows are cleared afterwards.
    const safe = tf.mul(labels, tf.cast(counted, 'int32'));
    const [losses, gradient] = backend.executeMultipleOutputs('SparseSoftmaxCrossEntropyWithLogits', attributes, [logits, safe], 2);
    const weight = tf.cast(counted, 'float32');
    return { losses: tf.mul(losses!, weight) as tf.Tensor1D, gradient: gradient as tf.Tensor2D, weight: weight as tf.Tensor1D };
  };
}
