export { TrainerError, type TrainerErrorCode } from './errors';
export { type GraphPhasesOptions, graphPhases } from './graphs/graph-phases';
export { DataOrder } from './batches/data-order';
export { type LearningRateSchedule, learningRateAt } from './optimizer/learning-rate';
export { type AdamWSettings, defaultAdamW } from './optimizer/host-adamw';
export {
  type LossOptions,
  type ProgramLoss,
  type ProgramModule,
  type TrainingProgram,
} from './programs/training-program';
export { checkLengths, type TooLong } from './loop/check-lengths';
export {
  checkMemory,
  describeMemory,
  estimateMemory,
  gibibytes,
  type MemoryDemand,
  type MemoryEstimate,
} from './loop/estimate-memory';
export { probeStep, type ProbedStep } from './loop/probe-step';
export { completePhases } from './loop/complete-phases';
export { reasonerForward, type ReasonerProgramOptions, reasonerStates } from './programs/reasoner-program';
export { writeAtomically } from './checkpoint/atomic-files';
export { removeCheckpoints } from './checkpoint/made-files';
export { writeModelCard } from './checkpoint/model-card';
export { lockFolder } from './checkpoint/run-lock';
export { type OpenRunFolderOptions, RunFolder, type RunIdentity } from './checkpoint/run-folder';
export { followLog, type LogFollower } from './logs/log-follower';
export { loadLogger } from './logs/load-logger';
export { type RunLogEntry, type RunLogger, type RunLoggerStart } from './logs/run-logger';
export { TensorBoardLogger } from './logs/tensorboard-logger';
export { WandbLogger, type WandbLoggerOptions } from './logs/wandb-logger';
export {
  createProgram,
  defaultWorkers,
  graphProgramModule,
  type ProgramSource,
  reasonerProgramModule,
} from './loop/training-engine';
export { train } from './loop/train';
export {
  type MasteryGoal,
  type TrainingOutcome,
  type TrainingPhase,
  type TrainingProgress,
  type TrainOptions,
  type ValidationBatches,
} from './loop/train-options';
export {
  checkExamples,
  type LaidOutExample,
  laidOutShards,
  measureLayouts,
  type PhasePlan,
  shardWeights,
  usedTokens,
  type ReasonerData,
  reasonerPhases,
  reasonerShard,
} from './loop/reasoner-phases';
export { jointPhases, type ExplanationData } from './interpreters/joint-phases';
export {
  createProgram as createJointProgram,
  type JointBatch,
  type JointProgramOptions,
} from './interpreters/joint-program';
export { jointProgramModule } from './interpreters/joint-program-module';
export {
  SLOT_TOKEN,
  interpreterGroups,
  interpreterTokens,
  prepareInterpreters,
  saveInterpreters,
  type InterpreterOptions,
  type PreparedInterpreters,
} from './interpreters/prepare-interpreters';
