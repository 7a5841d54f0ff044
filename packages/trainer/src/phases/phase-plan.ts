import type { Phase } from '@subtext/reasoner';

import type { LearningRateSchedule } from '../optimizer/learning-rate';

/** How long and how fast a phase of a curriculum is trained. */
export interface PhasePlan {
  phase: Phase;
  steps: number;
  /** Examples a step. */
  batchSize: number;
  schedule: LearningRateSchedule;
}
