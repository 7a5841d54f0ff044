import { ownValue } from '@subtext/core';
import type { Phase } from '@subtext/reasoner';

import { TrainerError } from '../errors';
import type { PhasePlan } from '../phases/phase-plan';
import { type PhaseSchedule, trainingDefaults, type TrainingOptions } from './training-options';

/** How long and how fast each phase is trained, by its kind. Throws `invalid-option` for a phase that there is not. */
export function planPhases({
  phases,
  examples,
  training,
}: {
  phases: readonly Phase[];
  /** How many examples there are. */ examples: number;
  training: TrainingOptions;
}): PhasePlan[] {
  const single = training.phases ?? {};
  const unknown = Object.keys(single).filter((name) => !phases.some((phase) => phase.name === name));
  if (unknown.length > 0) {
    throw new TrainerError({
      code: 'invalid-option',
      message: `training.phases names "${unknown.join('", "')}", but the phases are: ${phases.map(({ name }) => `"${name}"`).join(', ')}.`,
    });
  }
  return phases.map((phase) => {
    // Heima's recovering phase runs at a tenth of the learning rate.
    const kind = training[phase.kind] ?? {};
    const own = ownValue(single, phase.name) ?? {};
    // A phase's own steps or epochs stand in place of both of its kind's.
    const { steps, epochs } = own.steps === undefined && own.epochs === undefined ? kind : own;
    const schedule = {
      steps,
      epochs,
      learningRate: own.learningRate ?? kind.learningRate,
      batchSize: own.batchSize ?? kind.batchSize,
      warmupSteps: own.warmupSteps ?? kind.warmupSteps,
    };
    return plan({ phase, examples, training, own: schedule, learningRateScale: phase.kind === 'recover' ? 0.1 : 1 });
  });
}

/** How long and how fast interpreters are trained after the reasoner, on the layouts of one of its phases. */
export function planInterpreters({
  phase,
  examples,
  training,
  schedule = {},
}: {
  phase: Phase;
  examples: number;
  training: TrainingOptions;
  /** @default one epoch */ schedule?: PhaseSchedule;
}): PhasePlan {
  return plan({ phase: { ...phase, name: 'explain thoughts' }, examples, training, own: schedule });
}

function plan({
  phase,
  examples,
  training,
  own,
  learningRateScale = 1,
}: {
  phase: Phase;
  examples: number;
  training: TrainingOptions;
  own: PhaseSchedule;
  learningRateScale?: number;
}): PhasePlan {
  const batchSize = own.batchSize ?? training.batchSize ?? trainingDefaults.batchSize;
  const steps = own.steps ?? Math.max(1, Math.ceil(((own.epochs ?? 1) * examples) / batchSize));
  const learningRate = own.learningRate ?? (training.learningRate ?? trainingDefaults.learningRate) * learningRateScale;
  const rise = own.warmupSteps ?? training.warmupSteps ?? trainingDefaults.warmupSteps;
  const warmupSteps = Math.min(rise, Math.floor(steps / 4));
  return { phase, steps, batchSize, schedule: { learningRate, warmupSteps } };
}
