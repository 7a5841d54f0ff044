import { tf } from '../tensorflow';
import type { FusedKernels } from '../kernels/kernels';
import { fusedKernels } from '../kernels/registry';

type Kernel = NonNullable<FusedKernels['adamW']>;

/** One parameter's step of {@link AdamW}, which has checked that gradient and moments have the parameter's shape. */
export function adamWUpdate(options: Parameters<Kernel>[0]): void {
  const { adamW } = fusedKernels();
  if (adamW === undefined) return composed(options);
  ownMemory(options.parameter);
  adamW(options);
}

/** Gives a variable memory of its own if it shares it with a clone: an update in place must not reach the clone. */
function ownMemory(variable: tf.Variable): void {
  if (tf.backend().refCount(variable.dataId) > 1) {
    const copy = tf.add(variable, 0);
    variable.assign(copy);
    copy.dispose();
  }
}

const composed: Kernel = ({
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
}) =>
  tf.tidy(() => {
    const scaled = gradientScale === 1 ? gradient : tf.mul(gradient, gradientScale);
    firstMoment.assign(tf.add(tf.mul(firstMoment, beta1), tf.mul(scaled, 1 - beta1)));
    secondMoment.assign(tf.add(tf.mul(secondMoment, beta2), tf.mul(tf.square(scaled), 1 - beta2)));
    const denominator = tf.add(tf.div(tf.sqrt(secondMoment), Math.sqrt(1 - beta2 ** step)), epsilon);
    const change = tf.mul(tf.div(firstMoment, denominator), learningRate / (1 - beta1 ** step));
    const decayed = weightDecay === 0 ? parameter : tf.mul(parameter, 1 - learningRate * weightDecay);
    parameter.assign(tf.sub(decayed, change));
  });
