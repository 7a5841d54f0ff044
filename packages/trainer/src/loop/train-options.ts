import type { RunFolder } from '../checkpoint/run-folder';
import type { AdamWSettings } from '../optimizer/host-adamw';
import type { LearningRateSchedule } from '../optimizer/learning-rate';
import type { Collective } from '../parallel/collective';
import type { SumOrder } from '../parallel/rank-exchange';
import type { TrainingProgram } from '../program/training-program';
import type { Source } from '../sources/source';
import type { ProgramSource } from './training-engine';

/** When a phase is mastered: the running mean of a metric, from 0, has risen to a value. */
export interface MasteryGoal {
  /** Name of the program's metric. */
  metric: string;
  atLeast: number;
  /** The running mean moves by 1 / window of the difference each step. @default 50 */
  window?: number;
}

/** One phase of a run: how many steps, at which learning rate, on which batches. */
export interface TrainingPhase {
  name: string;
  /** Steps of the phase; the most, where `until` may end it sooner. */
  steps: number;
  schedule: LearningRateSchedule;
  /** Ends the phase once what it teaches is mastered. @default none */
  until?: MasteryGoal;
  /** `kept`: keeps the moments of the phase before, as the references of some methods do. @default 'fresh' */
  optimizer?: 'fresh' | 'kept';
  /** Where its batches come from. */
  source: Source;
  /** Held-out examples. Absent: the phase is not validated. */
  validation?: ValidationBatches;
}

/** Held-out examples, in the same batches every time. */
export interface ValidationBatches {
  /** How many batches there are. */
  count: number;
  /** Batch for batch (from 0), which should be of one size: the validation loss is the mean over them. */
  source: Source;
}

/** What a run tells while it works. */
export interface TrainingProgress {
  phase: number;
  phases: number;
  phaseName: string;
  phaseStep: number;
  phaseSteps: number;
  step: number;
  steps: number;
  loss: number;
  metrics: Record<string, number>;
  /** On steps after which the held-out examples were run. */
  validationLoss?: number;
  learningRate: number;
  gradientNorm: number;
  /** Seconds left at the speed so far. */
  secondsLeft: number;
  /** Among ranks: seconds of the step in which this one only waited for messages. */
  waitedSeconds?: number;
}

/** How processes train together. */
export interface RanksOptions {
  /**
   * `shards`: gradients are summed in the order of the shards, so that the result is the same with any number of ranks.
   * `any`: each rank sums its own shards first and sends their sum, once they are all computed; the result depends on the
   * number of ranks within rounding.
   * @default 'shards'
   */
  order?: SumOrder;
  /** `parts`: each rank updates, and keeps the moments of, its own part of the parameters (ZeRO stage 1, arXiv 1910.02054). @default 'whole' */
  optimizerState?: 'whole' | 'parts';
}

export interface TrainOptions {
  /** Where checkpoints and logs go: a folder of the run's own, empty or absent at first. */
  folder: string;
  /** The same, opened and locked by the caller, who closes it. @default it is opened and closed here */
  runFolder?: RunFolder;
  source: ProgramSource;
  /** This thread's copy of the program: gives the first weights and receives the last. */
  program: TrainingProgram;
  phases: readonly TrainingPhase[];
  /** Identifies configuration and data: a checkpoint with another fingerprint is refused. */
  fingerprint: string;
  /** The processes that train together; each calls `train` alike, with a folder of its own, and the first one's counts. @default this one alone */
  collective?: Collective;
  /** How they do. */
  ranks?: RanksOptions;
  /** Threads; 0 computes in this thread. @default 2 */
  workers?: number;
  /** Parts that a batch is cut into. The result depends on it, but not on the number of workers. @default 2 */
  shards?: number;
  /** @default defaultAdamW */
  optimizer?: Partial<AdamWSettings>;
  /** Largest global gradient norm. @default 1 */
  clipNorm?: number;
  /** Seconds between checkpoints, beside those at the end of phases. @default 30 */
  checkpointSeconds?: number;
  /** Steps between checkpoints, if they must not depend on time. @default none */
  checkpointSteps?: number;
  /** Newest checkpoints kept, beside the one with the lowest validation loss of the phase. @default 2 */
  keepCheckpoints?: number;
  /** Steps between lines of the log, and between measures of the thoughts. @default 10 */
  logSteps?: number;
  /** Steps of a phase between validations, beside the one at its end, where the phase has held-out examples. @default 100 */
  validationSteps?: number;
  /** Which weights the program ends with: those of the last step, or those of the lowest validation loss in the last phase. @default 'last' */
  finalWeights?: 'last' | 'best';
  /** Of what programs draw by chance (dropout). @default 0 */
  seed?: number;
  /** The method with its options, noted in every checkpoint. Must be JSON. */
  method?: unknown;
  /** Bad steps in a row (loss or gradient not finite) after which the run stops. @default 5 */
  badStepsAllowed?: number;
  /** Saves and leaves when aborted. */
  signal?: AbortSignal;
  /** Called when a checkpoint begins to be written, and when it is whole and has its name. */
  onCheckpoint?: (options: { step: number; state: 'begin' | 'end' }) => void;
  onProgress?: (progress: TrainingProgress) => void;
  /** Told what a person should know: a broken checkpoint passed over, a run resumed. */
  onNotice?: (notice: string) => void;
  /** Called after the last step of each phase, with the program's variables up to date. */
  onPhaseEnd?: (options: { phase: number; name: string }) => Promise<void>;
}

export interface TrainingOutcome {
  /** `stopped`: the signal asked for it; the run resumes from its checkpoint when started again. */
  status: 'finished' | 'stopped';
  steps: number;
  skippedSteps: number;
  /** Lowest validation loss of the last phase and its step, where there are held-out examples. */
  best?: { loss: number; step: number };
  /** The step whose weights the program has now. */
  weightsOfStep: number;
  /** Seconds trained, in all sessions of the run. */
  seconds: number;
}
