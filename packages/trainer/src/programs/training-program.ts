import type { tf } from '@subtext/tensor';

/** One trainable variable of a program. */
export interface ProgramParameter {
  /** Unique in the program, for example `reasoner/model.layers.0.mlp.up_proj.weight`. */
  name: string;
  variable: tf.Variable;
  /** Multiplies the phase's learning rate. @default 1 */
  learningRateScale?: number;
}

/** What a loss is computed for. */
export interface LossOptions {
  /** Whether to measure the thoughts too (`measureThoughts`): on steps that are logged. @default false */
  measure?: boolean;
  /** Names the draws of this shard and step: dropout is on. Absent: nothing is left to chance. */
  dropoutSeed?: number;
}

/** A measure as a sum and what it is taken over: the batch's value is Σ sum / Σ count over its shards. */
export interface MeanMetric {
  sum: tf.Scalar;
  count: number;
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
