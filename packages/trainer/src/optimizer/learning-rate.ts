/** How the learning rate moves over a phase. */
export interface LearningRateSchedule {
  /** The highest learning rate. */
  learningRate: number;
  /** Steps of linear rise from 0. @default 0 */
  warmupSteps?: number;
  /** `cosine` falls to `finalFraction · learningRate`; `constant` stays. @default 'cosine' */
  shape?: 'cosine' | 'constant';
  /** Where the cosine ends, as a fraction of `learningRate`. @default 0 */
  finalFraction?: number;
}

/**
 * The learning rate of one step: `lr · (step + 1) / warmup` while it rises, then
 * `lr · (f + (1 − f) · (1 + cos(π · progress)) / 2)`.
 */
export function learningRateAt({
  schedule: { learningRate, warmupSteps = 0, shape = 'cosine', finalFraction = 0 },
  step,
  steps,
}: {
  schedule: LearningRateSchedule;
  /** From 0. */
  step: number;
  /** Steps of the phase. */
  steps: number;
}): number {
  if (step < warmupSteps) return (learningRate * (step + 1)) / warmupSteps;
  if (shape === 'constant') return learningRate;
  const progress = Math.min(1, (step - warmupSteps) / Math.max(1, steps - warmupSteps));
  return learningRate * (finalFraction + ((1 - finalFraction) * (1 + Math.cos(Math.PI * progress))) / 2);
}
