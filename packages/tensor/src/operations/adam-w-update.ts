import { tf } from '../tensorflow';
import type { FusedKernels } from '../kernels/kernels';
import { fusedKernels } from '../kernels/registry';

type Kernel = NonNullable<FusedKernels['adamW']>;

/** {@link AdamW} step of one parameter. The caller has checked the shapes of gradient and moments. */
export function adamWUpdate(options: Parameters<Kernel>[0]): void {
  const { adamW } = fusedKernels();
  if (adamW === undefined) return composed(options);
  ownMemory(options.parameter);
  adamW(options);
}

/** Copies a variable's memory if a clone shares it: an in-place update must not change the clone. */
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
