/** How long and how fast a phase is trained. */
export interface PhaseSchedule {
  /** Optimizer steps of the phase. @default one epoch */
  steps?: number;
  /** Passes over the training examples, in place of steps. */
  epochs?: number;
  /** Highest learning rate of the phase. @default that of the run; a tenth of it in a recovering phase */
  learningRate?: number;
  /** Examples a step. @default that of the run */
  batchSize?: number;
  /** Steps of linear rise, a quarter of the phase at most. @default those of the run */
  warmupSteps?: number;
}

/** How any run is trained. */
export interface LoopOptions {
  /** @default 0.01 */
  weightDecay?: number;
  /** AdamW's β₂. @default 0.999 */
  beta2?: number;
  /** Largest global gradient norm. @default 1 */
  clipNorm?: number;
  /** Parts that a batch is cut into: the result depends on it, not on the number of workers. @default 2 */
  shards?: number;
  /** Seconds between checkpoints. @default 30 */
  checkpointSeconds?: number;
  /** Steps between checkpoints, in place of seconds. @default none */
  checkpointSteps?: number;
  /** Newest checkpoints kept, beside the best by validation loss. @default 2 */
  keepCheckpoints?: number;
  /** Steps between lines of the log. @default 10 */
  logSteps?: number;
  /** Steps of a phase between validations, beside the one at its end. @default 100 */
  validation?: { steps?: number };
  /** Which weights are saved: those of the last step, or of the lowest validation loss of the last phase. @default 'last' */
  finalWeights?: 'last' | 'best';
}

/** How a run over examples is trained. */
export interface TrainingOptions extends LoopOptions {
  /** Examples a step. @default 32 */
  batchSize?: number;
  /**
   * Keeps only the inputs of the reasoner's blocks and computes them again in the backward pass (gradient checkpointing).
   * The weights come out the same. @default false
   */
  recompute?: boolean;
  /** @default 1e-4 */
  learningRate?: number;
  /** Steps of linear rise. @default 100 */
  warmupSteps?: number;
  /** The phase in which everything is text. */
  text?: PhaseSchedule;
  /** Each phase that hides a stage. */
  encode?: PhaseSchedule;
  /** The recovering phase. */
  recover?: PhaseSchedule;
  /** Single phases by name, for example `hide caption`; what they leave out is that of their kind. */
  phases?: Readonly<Record<string, PhaseSchedule>>;
}

/** What {@link TrainingOptions} are where they are not given. */
export const trainingDefaults = {
  batchSize: 32,
  recompute: false,
  learningRate: 1e-4,
  warmupSteps: 100,
  weightDecay: 0.01,
  beta2: 0.999,
  clipNorm: 1,
  shards: 2,
  checkpointSeconds: 30,
  keepCheckpoints: 2,
  logSteps: 10,
  validationSteps: 100,
  finalWeights: 'last',
} as const;
