import type { ReasoningExample } from '@subtext/data';

import { TrainerError } from '../errors';
import type { TrainingPhase } from '../loop/train-options';
import { methodObjectives } from '../objectives/method-objectives';
import type { ObjectiveUse } from '../objectives/objective';
import { exampleSource } from '../sources/example-source';
import type { ReasonerData } from '../sources/laid-out-examples';
import type { PhasePlan } from './phase-plan';

export interface ReasonerPhasesOptions {
  plans: readonly PhasePlan[];
  data: ReasonerData;
  /** What is trained on, as the program has it. @default what the method names */
  objectives?: readonly ObjectiveUse[];
  /** Examples that are not trained on, whose loss is taken while training, in whole batches from their start. @default none: no validation */
  heldOut?: readonly ReasoningExample[];
}

/**
 * The phases of training a reasoner, each on the data as it lays it out. Throws `empty-set`, what the method's layout throws,
 * and `invalid-option` where a batch has fewer examples than shards, or where the method's thoughts are supervised by
 * interpreters and none are among the objectives: trained alone it would be another method.
 */
export function reasonerPhases({
  plans,
  data,
  objectives = methodObjectives({ method: data.method }),
  heldOut = [],
}: ReasonerPhasesOptions): TrainingPhase[] {
  checkExamples(data);
  for (const { phase, batchSize } of plans) {
    if (batchSize < data.shards) {
      throw new TrainerError({
        code: 'invalid-option',
        message: `${batchSize} examples a step (phase "${phase.name}") cannot be cut into ${data.shards} shards. Take a larger batch, or as many shards at most.`,
      });
    }
  }
  if (heldOut.length > 0 && heldOut.length < data.shards) {
    throw new TrainerError({
      code: 'invalid-option',
      message: `${heldOut.length} held-out examples cannot be cut into ${data.shards} shards. Take more of them.`,
    });
  }
  return plans.map((plan, place): TrainingPhase => ({
    name: plan.phase.name,
    steps: plan.steps,
    schedule: plan.schedule,
    source: exampleSource({ data, plan, place, objectives }),
    ...(heldOut.length > 0 && { validation: validationOf({ plan, data, objectives, heldOut }) }),
  }));
}

/** Held-out examples, laid out as a phase lays out its own. Each is in one batch: one epoch of them, cut into whole batches. */
function validationOf({
  plan,
  data,
  objectives,
  heldOut,
}: Required<Omit<ReasonerPhasesOptions, 'plans'>> & { plan: PhasePlan }): NonNullable<TrainingPhase['validation']> {
  const batchSize = Math.min(plan.batchSize, heldOut.length);
  const count = Math.floor(heldOut.length / batchSize);
  const set = { ...data, examples: heldOut.slice(0, count * batchSize) };
  return { count, source: exampleSource({ data: set, plan: { ...plan, batchSize }, place: 0, objectives }) };
}

/** Refuses to start without examples. Throws `empty-set`. */
export function checkExamples({ examples }: Pick<ReasonerData, 'examples'>): void {
  if (examples.length === 0)
    throw new TrainerError({
      code: 'empty-set',
      message: 'There is no example to train on. Check the data path and its faults.',
    });
}
