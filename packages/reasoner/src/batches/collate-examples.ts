import type { Halting, Layout, Teacher } from '../methods/reasoning-method';
import { collateLayouts, countPredicted, type ReasonerBatch } from './reasoner-batch';

/** What the parts of a loss count in one shard: all refer to the whole batch, over all shards. */
export interface BatchWeights {
  /** 1 / predicted tokens, those of shorter layouts included. */
  lossWeight: number;
  /** 1 / examples. */
  exampleWeight: number;
  /** 1 / predicted tokens of the teachers' layouts. */
  teacherWeight: number;
}

/** Self-distillation: the same examples with their chains in words, and the states to compare. */
export interface DistillationBatch extends Pick<Teacher, 'distance' | 'weight'> {
  /** The teacher's reading, an example a row. */
  teacher: ReasonerBatch;
  /** By example, the row of the taught reading's states `[rows · time]` that is drawn to the teacher's. */
  ownRows: Int32Array;
  /** By example, the row of the teacher's states. */
  teacherRows: Int32Array;
  /** 1 / examples of the whole batch. */
  exampleWeight: number;
}

/** Learning when to stop: behind the batch's first rows, which take all their thoughts, stand those that take fewer. */
export interface HaltingBatch extends Omit<Halting, 'shorter'> {
  /** How many of the first rows are whole examples. */
  examples: number;
  /** The most thoughts, N. Example e with n < N thoughts is row `examples + e · N + n`, with N it is row `e`. */
  thoughts: number;
  /** Row of the states `[rows · time]` of example e after n thoughts, at `e · N + n`, for n < N. */
  stateRows: Int32Array;
  /** By row of the batch, which of its losses are this row's: `lossCounts[row]` of them from `lossStarts[row]` on. */
  lossStarts: Int32Array;
  lossCounts: Int32Array;
  /** 1 / examples of the whole batch. */
  exampleWeight: number;
}

/** All layouts that an example puts into its batch: with all its thoughts, then with fewer. */
function rowsOf({ halting, ...whole }: Layout): Layout[] {
  return [whole, ...(halting?.shorter ?? [])];
}

/** The weights of a batch that consists of these layouts. */
export function batchWeights(layouts: readonly Layout[]): BatchWeights {
  const inverse = (count: number) => 1 / Math.max(1, count);
  const predicted = (counted: readonly Layout[]) => counted.reduce((sum, layout) => sum + countPredicted(layout), 0);
  return {
    lossWeight: inverse(predicted(layouts.flatMap(rowsOf))),
    exampleWeight: inverse(layouts.length),
    teacherWeight: inverse(predicted(layouts.flatMap(({ teacher }) => (teacher ? [teacher.layout] : [])))),
  };
}

/** The batch of one shard's examples, with all that their method's loss compares. */
export function collateExamples({
  layouts,
  padId,
  weights,
}: {
  layouts: readonly Layout[];
  padId: number;
  weights: BatchWeights;
}): ReasonerBatch {
  const rows = [...layouts, ...layouts.flatMap(({ halting }) => halting?.shorter ?? [])];
  const batch = collateLayouts({ layouts: rows, padId, lossWeight: weights.lossWeight });
  return {
    ...batch,
    ...distillation({ layouts, batch, padId, weights }),
    ...halting({ layouts, rows, batch, weights }),
  };
}

function distillation({
  layouts,
  batch,
  padId,
  weights,
}: {
  layouts: readonly Layout[];
  batch: ReasonerBatch;
  padId: number;
  weights: BatchWeights;
}): Pick<ReasonerBatch, 'distillation'> {
  const teachers = layouts.flatMap(({ teacher }) => (teacher ? [teacher] : []));
  if (teachers.length === 0) return {};
  const teacher = collateLayouts({
    layouts: teachers.map(({ layout }) => layout),
    padId,
    lossWeight: weights.teacherWeight,
  });
  const { distance, weight } = teachers[0]!;
  return {
    distillation: {
      teacher,
      distance,
      weight,
      exampleWeight: weights.exampleWeight,
      ownRows: Int32Array.from(teachers, ({ own }, row) => row * batch.time + own),
      teacherRows: Int32Array.from(teachers, ({ position }, row) => row * teacher.time + position),
    },
  };
}

function halting({
  layouts,
  rows,
  batch,
  weights,
}: {
  layouts: readonly Layout[];
  rows: readonly Layout[];
  batch: ReasonerBatch;
  weights: BatchWeights;
}): Pick<ReasonerBatch, 'halting'> {
  const [first] = layouts;
  if (!first?.halting) return {};
  const { more, stop, cost, weight } = first.halting;
  const counts = rows.map(countPredicted);
  const lossStarts = new Int32Array(rows.length);
  for (let row = 1; row < rows.length; row++) lossStarts[row] = lossStarts[row - 1]! + counts[row - 1]!;
  return {
    halting: {
      more,
      stop,
      cost,
      weight,
      examples: layouts.length,
      thoughts: first.thoughts.length,
      stateRows: Int32Array.from(
        layouts.flatMap(({ thoughts }, row) => thoughts.map(({ position }) => row * batch.time + position - 1)),
      ),
      lossStarts,
      lossCounts: Int32Array.from(counts),
      exampleWeight: weights.exampleWeight,
    },
  };
}
