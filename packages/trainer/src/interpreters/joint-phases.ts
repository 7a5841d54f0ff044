import {
  collateExplanations,
  stateRow,
  type ThoughtReading,
  type ExplanationContext,
  type ExplanationLayout,
  layoutExplanation,
  templateCount,
} from '@subtext/decoder';
import { countPredicted, hashCounters, randomAt } from '@subtext/reasoner';

import { DataOrder } from '../batches/data-order';
import {
  checkExamples,
  type LaidOutExample,
  laidOutShards,
  type PhasePlan,
  type ReasonerData,
  reasonerShard,
  shardWeights,
} from '../loop/reasoner-phases';
import type { TrainingPhase } from '../loop/train-options';
import type { JointBatch } from './joint-program';
import { explanationText } from './explanation-text';

/** How thoughts become explanations while training. */
export interface ExplanationData {
  context: ExplanationContext;
  /** Which interpreter explains a stage, by its place in the program. */
  interpreterOf: (stage: string) => number;
  /** How many interpreters there are. */
  interpreters: number;
  reading: ThoughtReading;
  /** Share of a batch's thoughts that are explained in a step, drawn at random. @default 1 */
  share?: number;
}

/** A stage's thoughts in one row of a shard, with its explanation. */
interface Explanation {
  row: number;
  interpreter: number;
  layout: ExplanationLayout;
  thoughts: LaidOutExample['layout']['thoughts'];
}

/** Phases whose batches hold the reasoner's examples and the explanations of their hidden stages. */
export function jointPhases({
  plans,
  data,
  explanations,
}: {
  plans: readonly PhasePlan[];
  data: ReasonerData;
  explanations: ExplanationData;
}): TrainingPhase[] {
  checkExamples(data);
  const { context, interpreterOf, interpreters, reading, share = 1 } = explanations;
  const templates = templateCount(context.templates);

  function explain({
    items,
    counters,
  }: {
    items: readonly LaidOutExample[];
    counters: readonly number[];
  }): Explanation[] {
    return items.flatMap(({ example, layout }, row) => {
      const stages = [...new Set(layout.thoughts.map(({ stage }) => stage))];
      return stages.flatMap((stage, stageIndex) => {
        if (share < 1 && randomAt(...counters, row, stageIndex) >= share) return [];
        const thoughts = layout.thoughts.filter((thought) => thought.stage === stage);
        const text = explanationText({ method: data.method, example, stage, context: data.context });
        // Thoughts past an example's last step stand for nothing that could be told.
        if (text === undefined || interpreterOf(stage) < 0) return [];
        const template = templates === 1 ? 0 : hashCounters(...counters, row, stageIndex, 1) % templates;
        return [
          {
            row,
            thoughts,
            interpreter: interpreterOf(stage),
            layout: layoutExplanation({
              question: example.question,
              stage,
              thoughts: thoughts.length,
              text,
              template,
              context,
            }),
          },
        ];
      });
    });
  }

  return plans.map((plan, index) => {
    const order = new DataOrder({ count: data.examples.length, seed: data.seed, phase: index });
    return {
      name: plan.phase.name,
      steps: plan.steps,
      schedule: plan.schedule,
      async batch(step): Promise<JointBatch[]> {
        const shards = await laidOutShards({ data, plan, order, step });
        const weights = shardWeights(shards);
        const explained = shards.map((items, shard) => explain({ items, counters: [data.seed, index, step, shard] }));
        const explanationWeight =
          1 /
          Math.max(
            1,
            explained.flat().reduce((sum, { layout }) => sum + countPredicted(layout), 0),
          );
        return Promise.all(
          shards.map(async (items, shard) => {
            const reasoner = await reasonerShard({ items, data, weights });
            return {
              reasoner,
              explanations: Array.from({ length: interpreters }, (_, interpreter) =>
                collateExplanations({
                  interpreter,
                  padId: context.endId,
                  lossWeight: explanationWeight,
                  items: explained[shard]!.filter((explanation) => explanation.interpreter === interpreter).map(
                    ({ row, thoughts, layout }) => ({
                      layout,
                      stateRows: thoughts.map((thought) => stateRow({ row, time: reasoner.time, thought, reading })),
                    }),
                  ),
                }),
              ),
            };
          }),
        );
      },
    };
  });
}
