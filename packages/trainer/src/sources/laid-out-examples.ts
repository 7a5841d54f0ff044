import type { ReasoningExample } from '@subtext/data';
import {
  type Layout,
  type LayoutContext,
  type PictureStore,
  type ReasoningMethod,
  splitIntoShards,
} from '@subtext/reasoner';

import type { DataOrder } from '../batches/data-order';
import type { PhasePlan } from '../phases/phase-plan';

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
