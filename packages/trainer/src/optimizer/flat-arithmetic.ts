import { flatArrayKernels } from '@subtext/tensor';

import type { SharedState } from '../parallel/shared-state';
import { type AdamWSettings, hostAdamW } from './host-adamw';

/** What is done to the flat arrays of a run, over `[from, to)`. */
export interface FlatArithmetic {
  /** Adds the gradients that begin at `base` to those that begin at `target`, 0 by default. */
  addGradients(options: { base: number; from: number; to: number; target?: number }): void;
  /** One AdamW step: see {@link hostAdamW}. */
  adamW(options: {
    from: number;
    to: number;
    learningRate: number;
    weightDecay: number;
    settings: AdamWSettings;
    step: number;
    gradientScale: number;
  }): void;
}

/**
 * The arithmetic of a run: vector kernels in place on the memory that the threads share, or, where the state did not
 * fit into one memory, the same in JavaScript. Both give the same bits.
 */
export function flatArithmetic(
  state: Pick<SharedState, 'memory' | 'parameters' | 'gradients' | 'firstMoments' | 'secondMoments'>,
): FlatArithmetic {
  const { memory, parameters, gradients, firstMoments, secondMoments } = state;
  if (!memory) {
    return {
      addGradients({ base, from, to, target = 0 }) {
        for (let i = from; i < to; i++) gradients[target + i] = gradients[target + i]! + gradients[base + i]!;
      },
      adamW: (options) => hostAdamW({ parameters, gradients, firstMoments, secondMoments, ...options }),
    };
  }
  const kernels = flatArrayKernels(memory);
  return {
    addGradients: ({ base, from, to, target = 0 }) =>
      kernels.addInto({
        target: gradients.subarray(target + from, target + to),
        source: gradients.subarray(base + from, base + to),
      }),
    adamW: ({ from, to, settings, ...options }) =>
      kernels.adamW({
        parameters: parameters.subarray(from, to),
        gradients: gradients.subarray(from, to),
        firstMoments: firstMoments.subarray(from, to),
        secondMoments: secondMoments.subarray(from, to),
        beta1: settings.beta1,
        beta2: settings.beta2,
        epsilon: settings.epsilon,
        ...options,
      }),
  };
}
