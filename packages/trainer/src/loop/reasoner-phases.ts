import type { ReasoningExample } from '@subtext/data';
import {
  type PictureStore,
  type BatchWeights,
  batchWeights,
  collateExamples,
  splitIntoShards,
  type ReasonerBatch,
  type Layout,
  type LayoutContext,
  type Phase,
  type ReasoningMethod,
} from '@subtext/reasoner';

import { DataOrder } from '../batches/data-order';
import { TrainerError } from '../errors';
import type { LearningRateSchedule } from '../optimizer/learning-rate';
import type { TrainingPhase } from './train-options';

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
export async function laidOutShards({
  data,
  plan,
  order,
  step,
}: {
  data: ReasonerData;
  plan: PhasePlan;
  order: DataOrder;
  step: number;
}): Promise<LaidOutExample[][]> {
  const { examples, method, pictures, shards } = data;
  const chosen = order.batch({ step, size: plan.batchSize }).map((index) => examples[index]!);
  await pictures?.measure(chosen.map(({ image }) => image));
  const contextOf = ({ image }: ReasoningExample) =>
    pictures?.contextFor({ context: data.context, image }) ?? data.context;
  const items = chosen.map((example, row) => ({
    example,
    layout: method.layout({
      example,
      phase: plan.phase,
      context: contextOf(example),
      counters: [data.seed, plan.phase.index, step, row],
    }),
  }));
  return splitIntoShards({ items, shards });
}

/** The batch of one shard for the reasoner. */
export async function reasonerShard({
  items,
  data,
  weights,
}: {
  items: readonly LaidOutExample[];
  data: ReasonerData;
  weights: BatchWeights;
}): Promise<ReasonerBatch> {
  const batch = collateExamples({ layouts: items.map(({ layout }) => layout), padId: data.context.endId, weights });
  const { distillation } = batch;
  const own = items.map(({ example: { image } }) => image);
  // An example with fewer thoughts shows its picture again.
  const again = items.flatMap(({ example: { image }, layout }) => (layout.halting?.shorter ?? []).map(() => image));
  const images = await data.pictures?.prepare([...own, ...again]);
  const shown = distillation && (await data.pictures?.prepare(own));
  return {
    ...batch,
    ...(images && { images }),
    ...(shown && { distillation: { ...distillation, teacher: { ...distillation.teacher, images: shown } } }),
  };
}

/** What a loss counts, over all shards of a batch. */
export function shardWeights(shards: readonly (readonly LaidOutExample[])[]): BatchWeights {
  return batchWeights(shards.flat().map(({ layout }) => layout));
}

/**
 * The phases of training a reasoner alone. Throws `empty-set`, what the method's layout throws, and `invalid-option` for a
 * method whose thoughts an interpreter has to supervise: trained alone it would be another method.
 */
export function reasonerPhases({ plans, data }: { plans: readonly PhasePlan[]; data: ReasonerData }): TrainingPhase[] {
  checkExamples(data);
  if (data.method.needsInterpreter) {
    throw new TrainerError({
      code: 'invalid-option',
      message: `The method "${data.method.name}" supervises its thoughts with an interpreter while they are learned; trained without one it would be another method. Train it with prepareInterpreters and jointPhases of @subtext/decoder, in mode "joint".`,
    });
  }
  return plans.map((plan, index) => {
    const order = new DataOrder({ count: data.examples.length, seed: data.seed, phase: index });
    return {
      name: plan.phase.name,
      steps: plan.steps,
      schedule: plan.schedule,
      async batch(step) {
        const shards = await laidOutShards({ data, plan, order, step });
        const weights = shardWeights(shards);
        return Promise.all(shards.map((items) => reasonerShard({ items, data, weights })));
      },
    };
  });
}

/** Refuses to start without examples. */
export function checkExamples({ examples }: Pick<ReasonerData, 'examples'>): void {
  if (examples.length === 0)
    throw new TrainerError({
      code: 'empty-set',
      message: 'There is no example to train on. Check the data path and its faults.',
    });
}

/** What the layouts of a set come to. */
export interface MeasuredLayouts {
  /** The longest prompt with its response, in tokens: what the model must hold. */
  longest: number;
  /** The longest response of the last phase: what generation may take. */
  longestResponse: number;
  /** Mean tokens of an example by phase, its teacher's and those with fewer thoughts included. */
  tokens: number[];
  /** The example that takes the most tokens in one step, and the phase that lays it out so. */
  heaviest?: { example: ReasoningExample; phase: Phase; tokens: number };
}

/**
 * Measures the layouts of all examples in all phases. Pictures count as one tile: those of a processor that cuts them are
 * measured only when they are read.
 */
export function measureLayouts({
  data,
  phases,
}: {
  data: Omit<ReasonerData, 'seed' | 'shards' | 'pictures'>;
  phases: readonly Phase[];
}): MeasuredLayouts {
  let longest = 0;
  let longestResponse = 0;
  let heaviest: MeasuredLayouts['heaviest'];
  const tokens = phases.map((phase) => {
    let sum = 0;
    for (const example of data.examples) {
      const { ids, promptLength, teacher, halting } = data.method.layout({ example, phase, context: data.context });
      longest = Math.max(longest, ids.length);
      if (phase === phases.at(-1)) longestResponse = Math.max(longestResponse, ids.length - promptLength);
      const all =
        ids.length +
        (teacher?.layout.ids.length ?? 0) +
        (halting?.shorter ?? []).reduce((total, shorter) => total + shorter.ids.length, 0);
      sum += all;
      if (all > (heaviest?.tokens ?? 0)) heaviest = { example, phase, tokens: all };
    }
    return sum / Math.max(1, data.examples.length);
  });
  return { longest, longestResponse, tokens, ...(heaviest && { heaviest }) };
}

/** Examples that are looked through for the tokens that a run uses. */
const LOOKED_THROUGH = 2_000;

/** The ids that stand in the layouts of a run's first examples, in every phase. */
export function usedTokens({
  data,
  phases,
}: {
  data: Omit<ReasonerData, 'seed' | 'shards' | 'pictures'>;
  phases: readonly Phase[];
}): Set<number> {
  const used = new Set<number>();
  for (const phase of phases) {
    for (const example of data.examples.slice(0, LOOKED_THROUGH)) {
      const { ids, teacher } = data.method.layout({ example, phase, context: data.context });
      for (const id of ids) used.add(id);
      for (const id of teacher?.layout.ids ?? []) used.add(id);
    }
  }
  return used;
}
