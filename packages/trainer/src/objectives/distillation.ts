import { collateLayouts, countPredicted, type Layout, type ReasonerBatch } from '@subtext/reasoner';
import { tf } from '@subtext/tensor';

import { TrainerError } from '../errors';
import { distillationLoss } from './distillation-loss';
import { keyValueLoss, type KeyValueOptions, type KeyValuePart, keyValuePart } from './key-value-loss';
import { nextTokenLoss } from './next-token';
import type { ObjectiveDefinition } from './objective';

export interface DistillationOptions {
  /** How two states are compared. */
  distance: 'smooth-l1' | 'l1';
  /** Of the distance, in the loss. */
  weight: number;
  /** How keys and values are compared (KaVa). @default not at all (CODI) */
  keysAndValues?: KeyValueOptions;
}

/** The same examples with their chains in words, and the states to compare. */
export interface DistillationPart {
  /** The teacher's reading, an example a row. */
  teacher: ReasonerBatch;
  /** By example, the row of the taught reading's states `[rows · time]` that is drawn to the teacher's. */
  ownRows: Int32Array;
  /** By example, the row of the teacher's states. */
  teacherRows: Int32Array;
  /** 1 / examples of the whole step. */
  exampleWeight: number;
  /** The keys and values to compare. */
  keysAndValues: KeyValuePart;
}

/**
 * Self-distillation: the teacher's next-token cross-entropy, the weighted distance to its states (CODI), and to its keys and
 * values (KaVa).
 */
export const distillation: ObjectiveDefinition<DistillationOptions, undefined, DistillationPart, ReasonerBatch> = {
  name: 'distillation',

  create({ options: { distance, weight, keysAndValues }, model }) {
    const heads = model.dimensions.keyValueHeads;
    if (keysAndValues && heads === undefined)
      throw new TrainerError({
        code: 'invalid-option',
        message: `A ${model.modelType} model keeps no keys and values that could teach its thoughts. Take the method "codi", or another model.`,
      });
    return {
      layers: true,
      keysAndValues: keysAndValues !== undefined,
      loss({ forward, part }) {
        const teacher = forward.run(part.teacher, { attentions: keysAndValues !== undefined });
        const teacherLoss = nextTokenLoss(teacher);
        const between = distillationLoss({
          own: forward.layers,
          teacher: teacher.layers,
          batch: { ...part, distance },
        });
        const losses = {
          terms: [teacherLoss, tf.mul(between, weight) as tf.Scalar],
          parts: { teacherLoss, distillationLoss: between },
        };
        if (!keysAndValues) return losses;
        const kept = keyValueLoss({
          ...keysAndValues,
          own: forward.keysAndValues!,
          teacher: teacher.keysAndValues!,
          attentions: teacher.attentions!,
          heads: heads!,
          part: part.keysAndValues,
          exampleWeight: part.exampleWeight,
        });
        return {
          terms: [...losses.terms, tf.mul(kept, keysAndValues.weight) as tf.Scalar],
          parts: { ...losses.parts, keyValueLoss: kept },
        };
      },
    };
  },

  async parts({ shards, batches, set }) {
    const teachersOf = (items: readonly { layout: Layout }[]) =>
      items.flatMap(({ layout: { parts } }) => parts?.distillation ?? []);
    const all = shards.flatMap(teachersOf);
    if (all.length === 0) return shards.map(() => undefined);
    const predicted = all.reduce((sum, { apart: [layout] }) => sum + countPredicted(layout), 0);
    return Promise.all(
      shards.map(async (items, shard) => {
        const teachers = teachersOf(items);
        const images = await set.pictures?.prepare(items.map(({ example: { image } }) => image));
        const teacher = collateLayouts({
          layouts: teachers.map(({ apart: [layout] }) => layout),
          padId: set.context.endId,
          lossWeight: 1 / Math.max(1, predicted),
        });
        return {
          teacher: { ...teacher, ...(images && { images }) },
          ownRows: Int32Array.from(teachers, ({ own }, row) => row * batches[shard]!.time + own),
          teacherRows: Int32Array.from(teachers, ({ position }, row) => row * teacher.time + position),
          exampleWeight: 1 / Math.max(1, all.length),
          keysAndValues: keyValuePart({
            layouts: items.map(({ layout }) => layout),
            teachers,
            time: batches[shard]!.time,
            teacherTime: teacher.time,
          }),
        };
      }),
    );
  },
};
