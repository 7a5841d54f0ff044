import { type GraphDrawing, type GraphExample, graphMethod } from '@subtext/reasoner';

import { TrainerError } from '../errors';
import type { TrainingPhase } from '../loop/train-options';
import type { LearningRateSchedule } from '../optimizer/learning-rate';
import { graphSource } from '../sources/graph-source';

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
  /** Graphs that are not trained on, whose loss is taken while training, in whole batches from their start. @default none: no validation */
  heldOut?: readonly GraphExample[];
}

/** The phases of training on graphs: a hop each, then the answer. Throws `empty-set` and `invalid-option`. */
export function graphPhases({
  examples,
  drawing,
  graphs,
  hop,
  answer,
  keepsOptimizer = true,
  seed,
  shards,
  heldOut = [],
}: GraphPhasesOptions): TrainingPhase[] {
  if (examples.length === 0) throw new TrainerError({ code: 'empty-set', message: 'There is no graph to train on.' });
  if (graphs < shards)
    throw new TrainerError({
      code: 'invalid-option',
      message: `${graphs} graphs a step cannot be cut into ${shards} shards.`,
    });
  if (heldOut.length > 0 && heldOut.length < shards)
    throw new TrainerError({
      code: 'invalid-option',
      message: `${heldOut.length} held-out graphs cannot be cut into ${shards} shards. Take more of them.`,
    });
  const validated = Math.min(graphs, heldOut.length);
  const count = validated === 0 ? 0 : Math.floor(heldOut.length / validated);
  return graphMethod(drawing.method)
    .curriculum({ stages: [] })
    .map(({ name, index: place, level = 0 }): TrainingPhase => {
      const answers = name === 'answer';
      const plan = answers ? { ...answer, mastery: undefined } : hop;
      const drawn = { drawing, level, answers, place, seed, shards };
      return {
        name,
        steps: plan.steps,
        schedule: plan.schedule,
        optimizer: keepsOptimizer ? 'kept' : 'fresh',
        ...(plan.mastery !== undefined && { until: { metric: 'mastery', atLeast: plan.mastery } }),
        source: graphSource({ ...drawn, examples, graphs }),
        ...(count > 0 && {
          validation: {
            count,
            source: graphSource({ ...drawn, examples: heldOut.slice(0, count * validated), graphs: validated }),
          },
        }),
      };
    });
}
