/** Settings of AdamW that do not change from step to step. */
export interface AdamWSettings {
  /** @default 0.9 */
  beta1: number;
  /** @default 0.999 */
  beta2: number;
  /** @default 1e-8 */
  epsilon: number;
  /** Decoupled weight decay. @default 0.01 */
  weightDecay: number;
}

export const defaultAdamW: AdamWSettings = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 };

/**
 * One AdamW step over `[from, to)` of flat arrays, in place, with PyTorch's equation (arXiv 1711.05101):
 * `p −= lr·decay·p; m = β₁m + (1−β₁)g; v = β₂v + (1−β₂)g²; p −= lr · (m/(1−β₁ᵗ)) / (√(v/(1−β₂ᵗ)) + ε)`
 * with g = gradient · gradientScale. It runs on the host, over memory that the workers share, and is elementwise:
 * how the range is cut among workers does not change a bit of the result.
 */
export function hostAdamW({
  parameters,
  gradients,
  firstMoments,
  secondMoments,
  from,
  to,
  learningRate,
  weightDecay,
  settings,
  step,
  gradientScale,
}: {
  parameters: Float32Array;
  gradients: Float32Array;
  firstMoments: Float32Array;
  secondMoments: Float32Array;
  from: number;
  to: number;
  learningRate: number;
  weightDecay: number;
  settings: AdamWSettings;
  /** Counts from 1. */
  step: number;
  gradientScale: number;
}): void {
  const { beta1, beta2, epsilon } = settings;
  const correction1 = 1 / (1 - beta1 ** step);
  const correction2 = 1 / (1 - beta2 ** step);
  const keep = 1 - learningRate * weightDecay;
  for (let i = from; i < to; i++) {
    const gradient = gradients[i]! * gradientScale;
    const first = beta1 * firstMoments[i]! + (1 - beta1) * gradient;
    const second = beta2 * secondMoments[i]! + (1 - beta2) * gradient * gradient;
    firstMoments[i] = first;
    secondMoments[i] = second;
    parameters[i] =
      parameters[i]! * keep - (learningRate * first * correction1) / (Math.sqrt(second * correction2) + epsilon);
  }
}
