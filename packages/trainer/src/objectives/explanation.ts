import {
  collateExplanations,
  type ExplanationBatch,
  type ExplanationContext,
  type ExplanationLayout,
  Interpreter,
  type InterpreterSpecification,
  layoutExplanation,
  stateRow,
  templateCount,
  type ThoughtReading,
} from '@subtext/decoder';
import { setLoraDropoutSeed } from '@subtext/nn';
import { countPredicted, hashCounters, randomAt, textParts, type ThoughtPosition } from '@subtext/reasoner';
import { gatherRows, tf } from '@subtext/tensor';

import { explanationText } from './explanation-text';
import type { ObjectiveDefinition, PartsOptions } from './objective';

export interface ExplanationOptions {
  interpreters: readonly InterpreterSpecification[];
  /** Of the interpreters' loss. @default 1 */
  weight?: number;
}

/** How thoughts become explanations while training. */
export interface ExplanationData {
  context: ExplanationContext;
  /** Which interpreter explains a stage, by its place among them. */
  interpreterOf: (stage: string) => number;
  /** How many interpreters there are. */
  interpreters: number;
  reading: ThoughtReading;
  /** Share of a batch's thoughts that are explained in a step, drawn at random. @default 1 */
  share?: number;
  /** Whether each thought of a stage is explained by itself, by its own part of the stage's text. @default false */
  parts?: boolean;
  /**
   * Whether every explanation is told from the thoughts that another example of the shard has of the stage, so that an
   * interpreter can learn no more than a guess (blind). Explanations that no other has as many thoughts for are left out. @default false
   */
  shuffled?: boolean;
}

/** Thoughts of a stage in one row of a shard, with their explanation. */
interface Explanation {
  row: number;
  interpreter: number;
  layout: ExplanationLayout;
  thoughts: readonly ThoughtPosition[];
}

/**
 * Interpreters write out what thoughts stand for, `Σ −log p(explanation | thoughts)`. Where the reasoner is trained beside
 * them, the gradient reaches it through the thoughts' states, so that they are made readable (joint interpreters, SIM-CoT's
 * auxiliary decoder); where it is frozen, only the interpreters learn.
 */
export const explanation: ObjectiveDefinition<ExplanationOptions, ExplanationData, ExplanationBatch[]> = {
  name: 'explanation',

  async create({ options: { interpreters: specifications, weight = 1 } }) {
    const interpreters: Interpreter[] = [];
    for (const specification of specifications) interpreters.push(await Interpreter.create(specification));
    return {
      parameters: interpreters.flatMap((interpreter, index) =>
        interpreter.trainable({ learningRateScale: specifications[index]!.learningRateScale }),
      ),
      loss({ forward, part, dropoutSeed }) {
        for (const [index, { model }] of interpreters.entries())
          setLoraDropoutSeed({
            model,
            seed: dropoutSeed === undefined ? null : hashCounters(dropoutSeed, 1 + index),
          });
        const losses = part
          .filter(({ rows }) => rows > 0)
          .map((batch) =>
            interpreters[batch.interpreter]!.loss({
              batch,
              states: gatherRows({ input: forward.states, indices: batch.stateRows }),
            }),
          );
        const interpreterLoss = losses.length > 0 ? (tf.addN(losses) as tf.Scalar) : tf.scalar(0);
        return { terms: [tf.mul(interpreterLoss, weight)], parts: { interpreterLoss } };
      },
    };
  },

  parts(options) {
    const { shards, batches, data, counters } = options;
    const explained = shards.map((_, shard) => {
      const own = { ...options, shard, counters: [...counters, shard] };
      return data.shuffled === true
        ? exchangeThoughts({ explanations: explain(own), counters: own.counters })
        : explain(own);
    });
    const predicted = explained.flat().reduce((sum, { layout }) => sum + countPredicted(layout), 0);
    return explained.map((explanations, shard) =>
      Array.from({ length: data.interpreters }, (_, interpreter) =>
        collateExplanations({
          interpreter,
          padId: data.context.endId,
          lossWeight: 1 / Math.max(1, predicted),
          items: explanations
            .filter((one) => one.interpreter === interpreter)
            .map(({ row, thoughts, layout }) => ({
              layout,
              stateRows: thoughts.map((thought) =>
                stateRow({ row, time: batches[shard]!.time, thought, reading: data.reading }),
              ),
            })),
        }),
      ),
    );
  },
};

/** The explanations of a shard's thoughts, stage by stage. */
function explain({
  shards,
  shard,
  set,
  data: { context, interpreterOf, share = 1, parts = false },
  counters,
}: PartsOptions<ExplanationData> & { shard: number }): Explanation[] {
  const templates = templateCount(context.templates);
  return shards[shard]!.flatMap(({ example, layout }, row) => {
    const stages = [...new Set(layout.thoughts.map(({ stage }) => stage))];
    return stages.flatMap((stage, stageIndex) => {
      if (share < 1 && randomAt(...counters, row, stageIndex) >= share) return [];
      const thoughts = layout.thoughts.filter((thought) => thought.stage === stage);
      const text = explanationText({ method: set.method, example, stage, context: set.context });
      // Thoughts past an example's last step stand for nothing that could be told.
      if (text === undefined || interpreterOf(stage) < 0) return [];
      const template = templates === 1 ? 0 : hashCounters(...counters, row, stageIndex, 1) % templates;
      const texts = parts ? textParts({ text, parts: thoughts.length }) : [text];
      return texts.map((part, index) => {
        const told = parts ? [thoughts[index]!] : thoughts;
        return {
          row,
          thoughts: told,
          interpreter: interpreterOf(stage),
          layout: layoutExplanation({
            question: example.question,
            stage,
            thoughts: told.length,
            text: part,
            template,
            context,
          }),
        };
      });
    });
  });
}

/** Explanations with each other's thoughts: the circle of those of one stage with as many thoughts, turned by chance. */
function exchangeThoughts({
  explanations,
  counters,
}: {
  explanations: readonly Explanation[];
  counters: readonly number[];
}): Explanation[] {
  const groups = new Map<string, Explanation[]>();
  for (const one of explanations) {
    const kind = `${one.thoughts.map(({ index }) => index).join()} ${one.thoughts[0]!.stage}`;
    groups.set(kind, [...(groups.get(kind) ?? []), one]);
  }
  return [...groups.values()].flatMap((group, index) => {
    if (group.length < 2) return [];
    const turn = 1 + (hashCounters(...counters, index, 2) % (group.length - 1));
    return group.map((one, place) => {
      const { row, thoughts } = group[(place + turn) % group.length]!;
      return { ...one, row, thoughts };
    });
  });
}
