import { drawGraphBatch, type GraphDrawing, type GraphExample, graphMethod } from '@subtext/reasoner';

import { DataOrder } from '../batches/data-order';
import { TrainerError } from '../errors';
import type { TrainingPhase } from '../loop/train-options';
import type { LearningRateSchedule } from '../optimizer/learning-rate';

export interface GraphPhasesOptions {
  examples: readonly GraphExample[];
  drawing: GraphDrawing;
  /** Graphs a step. */
  graphs: number;
  /** The phases that teach a hop each: most steps, the schedule, and the mastery at which the next one begins. */
  hop: { steps: number; schedule: LearningRateSchedule; mastery?: number };
  /** The last phase, which teaches the answer. */
  answer: { steps: number; schedule: LearningRateSchedule };
  /** Whether each phase keeps the optimizer's moments. @default true */
  keepsOptimizer?: boolean;
  seed: number;
  shards: number;
}

/** The phases of training on graphs: a hop each, then the answer. Throws `empty-set`. */
export function graphPhases({
  examples,
  drawing,
  graphs,
  hop,
  answer,
  keepsOptimizer = true,
  seed,
  shards,
}: GraphPhasesOptions): TrainingPhase[] {
  if (examples.length === 0) throw new TrainerError({ code: 'empty-set', message: 'There is no graph to train on.' });
  if (graphs < shards)
    throw new TrainerError({
      code: 'invalid-option',
      message: `${graphs} graphs a step cannot be cut into ${shards} shards.`,
    });
  return graphMethod(drawing.method)
    .curriculum({ stages: [] })
    .map(({ name, index, level = 0 }): TrainingPhase => {
      const order = new DataOrder({ count: examples.length, seed, phase: index });
      const answers = name === 'answer';
      const plan = answers ? { ...answer, mastery: undefined } : hop;
      return {
        name,
        steps: plan.steps,
        schedule: plan.schedule,
        optimizer: keepsOptimizer ? 'kept' : 'fresh',
        ...(plan.mastery !== undefined && { until: { metric: 'mastery', atLeast: plan.mastery } }),
        batch: (step) =>
          drawGraphBatch({
            examples,
            indices: order.batch({ step, size: graphs }),
            drawing,
            level,
            answers,
            shards,
            counters: [seed, index, step],
          }),
      };
    });
}
