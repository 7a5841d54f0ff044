/** What a program computes the loss of: one part of a step's batch. */
export interface Shard<Inputs = unknown> {
  /** What goes through the model. */
  inputs: Inputs;
  /** What objectives read beside it, by their names. */
  parts: Readonly<Record<string, unknown>>;
}

/**
 * Where batches come from: a data set, graphs drawn as they are needed, answers that the model gives. A step's batch is a
 * pure function of the step, and of the weights where it looks at them, so that a run resumes where it stopped; it is asked for while the step before is computed.
 */
export interface Source<Part = unknown> {
  /**
   * Steps between two of which it looks at the weights, where batches are made with them: such a step's batch is asked for
   * once the step before is computed and this thread's program has its weights, the batches between follow from it. A run
   * stops and is saved only between them. @default it does not look at them
   */
  readonly weightsEvery?: number;
  /** The shards of one step's batch (from 0). */
  batch(step: number): Part[] | Promise<Part[]>;
  /** What a step's batch holds, for people: written to disk where the step was bad. Must be JSON. @default the shards themselves */
  describe?(step: number): unknown | Promise<unknown>;
}
