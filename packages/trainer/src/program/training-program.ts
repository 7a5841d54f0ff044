import type { ProgramParameter, MeanMetric } from '@subtext/reasoner';
import type { tf } from '@subtext/tensor';

/** What a loss is computed for. */
export interface LossOptions {
  /** Whether to measure the thoughts too (`measureThoughts`): on steps that are logged. @default false */
  measure?: boolean;
  /** Names the draws of this shard and step: dropout is on. Absent: nothing is left to chance. */
  dropoutSeed?: number;
}

/** What a program says of one shard. */
export interface ProgramLoss {
  loss: tf.Scalar;
  /** Summed over the shards, as the loss. */
  metrics: Record<string, tf.Scalar>;
  /** Of the same names in every shard of a step. @default none */
  means?: Record<string, MeanMetric>;
}

/**
 * What is trained: parameters and a loss. Each worker builds its own copy from the same options, so a program is made
 * by a function that a worker can import ({@link ProgramModule}), from options that can be posted to it.
 */
export interface TrainingProgram<Batch = unknown> {
  /** In a fixed order, the same in every worker. */
  readonly parameters: readonly ProgramParameter[];
  /**
   * The loss of one shard of a batch, as a scalar. A batch's loss is the *sum* over its shards: a shard divides by
   * the whole batch's counts, which the batch carries. Runs inside a gradient tape.
   */
  loss(batch: Batch, options?: LossOptions): ProgramLoss;
}

/** A module that a worker imports: its `createProgram` builds the program. */
export interface ProgramModule<Options = unknown, Batch = unknown> {
  createProgram(options: Options): Promise<TrainingProgram<Batch>>;
}
