import { UsageError } from '@subtext/terminal';
import type { Phase, PhasePlan } from '@subtext/trainer';

import type { TrainConfiguration } from '../configuration/schema';

/** How long and how fast each phase is trained, by its kind. */
export function planPhases({ phases, examples, training }: { phases: readonly Phase[]; /** How many examples there are. */ examples: number; training: TrainConfiguration['training'] }): PhasePlan[] {
  const unknown = Object.keys(training.phases).filter((name) => !phases.some((phase) => phase.name === name));
  if (unknown.length > 0) {
    throw new UsageError(`training.phases names "${unknown.join('", "')}", but the phases are: ${phases.map(({ name }) => `"${name}"`).join(', ')}.`);
  }
  return phases.map((phase) => {
    const own = { ...training[phase.kind], ...training.phases[phase.name] };
    const batchSize = own.batchSize ?? training.batchSize;
    const steps = own.steps ?? Math.max(1, Math.ceil(((own.epochs ?? 1) * examples) / batchSize));
    // Heima's recovering phase runs at a tenth of the learning rate.
    const learningRate = own.learningRate ?? training.learningRate * (phase.kind === 'recover' ? 0.1 : 1);
    const warmupSteps = Math.min(own.warmupSteps ?? training.warmupSteps, Math.floor(steps / 4));
    return { phase, steps, batchSize, schedule: { learningRate, warmupSteps } };
  });
}
