import { tf } from '@subtext/tensor';
import type { FusedKernels } from '@subtext/tensor';
import type { OperationRunner } from './operation-runner';

/** What changes variables in place, and what it needs to know first. */
export function stateKernels({
  run,
  settings,
  own,
}: OperationRunner): Pick<Required<FusedKernels>, 'sumOfSquares' | 'adamW' | 'cacheWrite'> {
  return {
    sumOfSquares: (tensors) =>
      tf.tidy(() => {
        // One read for all of them. Each sum comes as two float32 numbers.
        const sums = tf.concat(tensors.map((tensor) => run<[tf.Tensor1D]>('SubtextSumOfSquares', [tensor], [[2]])[0]));
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
      if (own) [parameter, firstMoment, secondMoment].forEach(own);
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
      run<[]>('SubtextAdamW', [parameter, gradient, firstMoment, secondMoment, values], []);
    },
    cacheWrite: ({ buffer, update, offset }) => {
      run<[]>('SubtextCacheWrite', [buffer, update, settings(offset)], []);
    },
  };
}
