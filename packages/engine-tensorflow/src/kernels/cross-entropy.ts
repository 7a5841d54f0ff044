import { tf } from '@subtext/tensor';
import type { CrossEntropyKernel } from '@subtext/tensor';
import type { NodeBackend } from './node-backend';

/**
 * Losses and their gradient from one softmax p. With m the largest logit of a row, Σ e^(x−m) = 1 / max p, so that
 * `loss = m − log(max p) − x[label]`: exact where p[label] itself would underflow. The gradient is p with 1 taken from
 * the label's place. `SparseSoftmaxCrossEntropyWithLogits`, which does all this in one operation, takes twice as long
 * (12 ms for 2048 × 1024 on two cores).
 */
export function crossEntropyKernel(backend: NodeBackend): CrossEntropyKernel {
  const { binding } = backend;
  const scatter = [
    { name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT },
    { name: 'Tindices', type: binding.TF_ATTR_TYPE, value: binding.TF_INT32 },
  ];
  return {
    forward: ({ logits, labels, ignoreIndex }) => {
      const [rows] = logits.shape;
      const counted = tf.notEqual(labels, tf.scalar(ignoreIndex, 'int32'));
      const weight = tf.cast(counted, 'float32') as tf.Tensor1D;
      // An ignored row's label may lie outside; it takes place 0, and its loss and gradient are cleared by the weight.
      const safe = tf.mul(labels, tf.cast(counted, 'int32')) as tf.Tensor1D;
      const places = tf.stack([tf.range(0, rows, 1, 'int32'), safe], 1);
      const probabilities = tf.softmax(logits);
      const logSumExp = tf.sub(tf.max(logits, 1), tf.log(tf.max(probabilities, 1)));
      const losses = tf.mul(tf.sub(logSumExp, tf.gatherND(logits, places)), weight) as tf.Tensor1D;
      const gradient = backend.executeSingleOutput('TensorScatterSub', scatter, [
        probabilities,
        places,
        tf.ones([rows]),
      ]) as tf.Tensor2D;
      return { losses, kept: [gradient, weight] };
    },
    backward: ({ gradient, kept: [logitsGradient, weight] }) =>
      tf.mul(logitsGradient!, tf.reshape(tf.mul(gradient, weight!), [-1, 1])) as tf.Tensor2D,
  };
}
