import type { ReasoningExample } from '@subtext/data';

import { DataOrder } from '../batches/data-order';
import { TrainerError } from '../errors';
import { laidOutShards, type PhasePlan, type ReasonerData } from './reasoner-phases';
import type { TrainingPhase } from './train-options';

/**
 * Phases with all that makes a run trustworthy: the loss of held-out examples while training, and the examples of a bad
 * step by name. Throws `invalid-option` where a batch has fewer examples than shards. `build` makes the phases themselves (`reasonerPhases`, or those of `@subtext/decoder` with interpreters).
 */
export function completePhases({
  plans,
  data,
  heldOut = [],
  build,
}: {
  plans: readonly PhasePlan[];
  data: ReasonerData;
  /** Examples that are not trained on, taken in whole batches from their start. @default none: no validation */
  heldOut?: readonly ReasoningExample[];
  build: (options: { plans: readonly PhasePlan[]; data: ReasonerData }) => TrainingPhase[];
}): TrainingPhase[] {
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
  return build({ plans, data }).map((phase, index): TrainingPhase => {
    const plan = plans[index]!;
    const order = new DataOrder({ count: data.examples.length, seed: data.seed, phase: index });
    return {
      ...phase,
      async describe(step) {
        const shards = await laidOutShards({ data, plan, order, step });
        return shards
          .map((items, shard) =>
            items.map(({ example: { id, image }, layout: { ids, labels, thoughts } }) => ({
              id,
              shard,
              ...(image && { image: image.path }),
              ids,
              labels,
              thoughts,
            })),
          )
          .flat();
      },
      ...(heldOut.length > 0 && { validation: validationOf({ plan, data, heldOut, build }) }),
    };
  });
}

/** Held-out examples, laid out as a phase lays out its own. Each is in one batch: one epoch of them, cut into whole batches. */
function validationOf({
  plan,
  data,
  heldOut,
  build,
}: { heldOut: readonly ReasoningExample[]; plan: PhasePlan } & Pick<
  Parameters<typeof completePhases>[0],
  'data' | 'build'
>): NonNullable<TrainingPhase['validation']> {
  const batchSize = Math.min(plan.batchSize, heldOut.length);
  const count = Math.floor(heldOut.length / batchSize);
  const [phase] = build({
    plans: [{ ...plan, batchSize, steps: count }],
    data: { ...data, examples: heldOut.slice(0, count * batchSize) },
  });
  return { count, batch: (index) => phase!.batch(index) };
}
