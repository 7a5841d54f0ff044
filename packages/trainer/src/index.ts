export { TrainerError, type TrainerErrorCode } from './errors';
export { DataOrder } from './batches/data-order';
export { type LearningRateSchedule, learningRateAt } from './optimizer/learning-rate';
export { type AdamWSettings, defaultAdamW } from './optimizer/host-adamw';
export {
  type Forward,
  type Objective,
  type ObjectiveDefinition,
  type ObjectiveLoss,
  type ObjectiveUse,
  type PartsOptions,
} from './objectives/objective';
export { methodObjectives, needsInterpreter } from './objectives/method-objectives';
export { tokenLosses } from './objectives/next-token';
export { registerObjective } from './objectives/registry';
export { type ReinforcementOptions, reinforcementDefaults } from './reinforcement/reinforcement-options';
export {
  registerReward,
  type Reward,
  type RewardDefinition,
  type RewardedAnswer,
  type RewardUse,
} from './reinforcement/rewards';
export { studyAnswers, studyContinuations, type StudyContinuationsOptions, type StudyText } from './packs/study-texts';
export { packTrainingDefaults, trainPack, type TrainPackOptions } from './packs/train-pack';
export { type ProgramOptions } from './program/program';
export { type TrainedModelSource } from './program/runner';
export {
  type LossOptions,
  type ProgramLoss,
  type ProgramModule,
  type TrainingProgram,
} from './program/training-program';
export { type LaidOutExample, type ReasonerData } from './sources/laid-out-examples';
export { type Shard, type Source } from './sources/source';
export { type GraphPhasesOptions, graphPhases } from './phases/graph-phases';
export { type PhasePlan } from './phases/phase-plan';
export { reasonerPhases, type ReasonerPhasesOptions } from './phases/reasoner-phases';
export { measureLayouts, usedTokens } from './phases/measure-layouts';
export { checkLengths, type TooLong } from './phases/check-lengths';
export {
  checkMemory,
  describeMemory,
  estimateMemory,
  gibibytes,
  type MemoryDemand,
  type MemoryEstimate,
} from './loop/estimate-memory';
export { probeStep, type ProbedStep } from './loop/probe-step';
export { writeAtomically } from './checkpoint/atomic-files';
export { removeCheckpoints } from './checkpoint/made-files';
export { writeModelCard } from './card/model-card';
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
  programModule,
  programSource,
  type ProgramSource,
} from './loop/training-engine';
export { chooseDevice } from '@subtext/mpi';
export { alone, type Collective, type Message, type PendingMessages } from './parallel/collective';
export { mpiCollective, openCollective, type OpenCollective } from './parallel/mpi-collective';
export { train } from './loop/train';
export {
  type MasteryGoal,
  type RanksOptions,
  type TrainingOutcome,
  type TrainingPhase,
  type TrainingProgress,
  type TrainOptions,
  type ValidationBatches,
} from './loop/train-options';
export { interpreterGroups, type InterpreterOptions } from './interpreters/interpreter-options';
export { interpreterTokens, SLOT_TOKEN } from './interpreters/interpreter-tokens';
export { prepareInterpreters, type PreparedInterpreters } from './interpreters/prepare-interpreters';
export { saveInterpreters } from './interpreters/save-interpreters';
export { leaveOutGraphs } from './run/held-out-graphs';
export { type EstimatedPhase, type RunEstimate } from './run/estimate-run';
export { newTokenizer } from './run/new-tokenizer';
export { type StartingRun } from './run/new-reasoner';
export { openReasoner, type OpenedReasoner } from './run/open-reasoner';
export { planPhases } from './run/plan-phases';
export { resolveStages } from './run/resolve-stages';
export {
  type RunDrawerOptions,
  type RunEvent,
  type RunInterpreterOptions,
  type RunModelOptions,
  type RunSettings,
  type SavedModel,
  type TrainRunOptions,
  type TrainRunResult,
} from './run/run-options';
export {
  graphTrainingDefaults,
  trainGraphs,
  type GraphTrainingOptions,
  type TrainGraphsOptions,
} from './run/train-graphs';
export { trainingRegistries } from './run/registries';
export { runDrawerDefaults } from './run/train-drawer';
export { trainRun } from './run/train-run';
export { type PhaseSchedule, trainingDefaults, type TrainingOptions } from './run/training-options';
