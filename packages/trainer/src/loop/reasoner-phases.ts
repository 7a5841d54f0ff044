import type { ReasoningExample } from '@subtext/data';

import { DataOrder } from '../batches/data-order';
import type { PictureStore } from '../batches/picture-store';
import { collateLayouts, countPredicted, cutIntoShards, type ReasonerBatch } from '../batches/reasoner-batch';
import { TrainerError } from '../errors';
import type { Layout, LayoutContext, Phase, ReasoningMethod } from '../methods/reasoning-method';
import type { LearningRateSchedule } from '../optimizer/learning-rate';
import type { TrainingPhase } from './train';

/** How long and how fast a phase of a curriculum is trained. */
export interface PhasePlan {
  phase: Phase;
  steps: number;
  /** Examples a step. */
  batchSize: number;
  schedule: LearningRateSchedule;
}

/** What batches of a reasoner are made from. */
export interface ReasonerData {
  examples: readonly ReasoningExample[];
  method: ReasoningMethod;
  context: LayoutContext;
  /** Needed where examples have pictures and the model takes them. */
  pictures?: PictureStore;
  /** Of the order of the examples. */
  seed: number;
  /** Parts that a batch is cut into. */
  shards: number;
}

/** One example with its layout. */
export interface LaidOutExample {
  example: ReasoningExample;
  layout: Layout;
}

/** The examples of a step, laid out and cut into shards. */
export function laidOutShards({ data, plan, order, step }: { data: ReasonerData; plan: PhasePlan; order: DataOrder; step: number }): LaidOutExample[][] {
  const { examples, method, context, shards } = data;
  const items = order
    .batch({ step, size: plan.batchSize })
    .map((index) => examples[index]!)
    .map((example, row) => ({ example, layout: method.layout({ example, phase: plan.phase, context, counters: [data.seed, plan.phase.index, step, row] }) }));
  return cutIntoShards({ items, shards });
}

/** The batch of one shard for the reasoner. */
export async function reasonerShard({ items, data, lossWeight }: { items: readonly LaidOutExample[]; data: ReasonerData; lossWeight: number }): Promise<ReasonerBatch> {
  const batch = collateLayouts({ layouts: items.map(({ layout }) => layout), padId: data.context.endId, lossWeight });
  const images = items.flatMap(({ example: { image } }) => (image ? [image] : []));
  return images.length > 0 && data.pictures ? { ...batch, pixelValues: await data.pictures.pixelValues(images) } : batch;
}

/** Predicted tokens of a whole batch. */
export function predictedTokens(shards: readonly (readonly LaidOutExample[])[]): number {
  return shards.flat().reduce((sum, { layout }) => sum + countPredicted(layout), 0);
}

/** The phases of training a reasoner alone. Throws `NO_EXAMPLES` and what the method's layout throws. */
export function reasonerPhases({ plans, data }: { plans: readonly PhasePlan[]; data: ReasonerData }): TrainingPhase[] {
  checkExamples(data);
  return plans.map((plan, index) => {
    const order = new DataOrder({ count: data.examples.length, seed: data.seed, phase: index });
    return {
      name: plan.phase.name,
      steps: plan.steps,
      schedule: plan.schedule,
      async batch(step) {
        const shards = laidOutShards({ data, plan, order, step });
        const lossWeight = 1 / Math.max(1, predictedTokens(shards));
        return Promise.all(shards.map((items) => reasonerShard({ items, data, lossWeight })));
      },
    };
  });
}

/** Refuses to start without examples. */
export function checkExamples({ examples }: Pick<ReasonerData, 'examples'>): void {
  if (examples.length === 0) throw new TrainerError({ code: 'NO_EXAMPLES', message: 'There is no example to train on. Check the data path and its faults.' });
}

/** The longest prompt and response of a method's last phase, in tokens: what the model must hold, and what generation may take. */
export function measureLayouts({ data, phases }: { data: Omit<ReasonerData, 'seed' | 'shards' | 'pictures'>; phases: readonly Phase[] }): { longest: number; longestResponse: number } {
  let longest = 0;
  let longestResponse = 0;
  for (const phase of phases) {
    for (const example of data.examples) {
      const { ids, promptLength } = data.method.layout({ example, phase, context: data.context });
      longest = Math.max(longest, ids.length);
      if (phase === phases.at(-1)) longestResponse = Math.max(longestResponse, ids.length - promptLength);
    }
  }
  return { longest, longestResponse };
}
