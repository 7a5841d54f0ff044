export { TrainerError, type TrainerErrorCode } from './errors';
export { type GraphExample, graphExample } from './graphs/graph-example';
export { type GraphBatch, type GraphDrawing, type GraphSupervision, drawGraphBatch } from './graphs/graph-batch';
export { type GraphForm, GraphVocabulary } from './graphs/graph-vocabulary';
export { type GraphOptions, graphMethod, hopName } from './graphs/graph-method';
export { type GraphPhasesOptions, graphPhases } from './graphs/graph-phases';
export { type GraphProgramOptions } from './graphs/graph-program';
export { graphReasoner } from './graphs/graph-reasoner';
export { type GraphQuestion, parseGraphQuestion, tellGraphQuestion } from './graphs/graph-question';
export { createMethod, methodNames, type MethodSpecification } from './methods/registry';
export { type AdaptiveOptions } from './methods/adaptive';
export { type CodiOptions } from './methods/codi';
export { type SimCotOptions } from './methods/sim-cot';
export { type HeimaOptions, type ThinkingTokenCount } from './methods/heima';
export { type CoconutOptions } from './methods/coconut';
export { latentTokens } from './methods/latent-prompt';
export { type IcotOptions } from './methods/icot';
export { PAUSE_TOKEN, type PauseOptions } from './methods/pause';
export { stagesOf } from './methods/stages-of';
export { linesFormat, type ReasoningFormat, reasoningFormats, taggedFormat } from './methods/reasoning-format';
export {
  IGNORED_LABEL,
  type Layout,
  type LayoutContext,
  type Phase,
  type ReasoningMethod,
  type ThoughtPosition,
} from './methods/reasoning-method';
export { hashCounters, permutationAt, randomAt } from './batches/counter-random';
export {
  type BatchWeights,
  batchWeights,
  collateExamples,
  type DistillationBatch,
  type HaltingBatch,
} from './batches/collate-examples';
export { type ContinuousThoughts } from './batches/continuous-thoughts';
export { DataOrder } from './batches/data-order';
export { type BatchPictures, PictureStore } from './batches/picture-store';
export { collateLayouts, countPredicted, cutIntoShards, type ReasonerBatch } from './batches/reasoner-batch';
export { type LearningRateSchedule, learningRateAt } from './optimizer/learning-rate';
export { type AdamWSettings, defaultAdamW } from './optimizer/host-adamw';
export { type ModelSource, openModel } from './programs/model-source';
export {
  type LossOptions,
  type MeanMetric,
  type ProgramLoss,
  type ProgramModule,
  type ProgramParameter,
  type TrainingProgram,
} from './programs/training-program';
export { measureThoughts, type ThoughtRows } from './programs/thought-measures';
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
export { continuousForward } from './programs/continuous-forward';
export { freezeParameters, parameterPattern } from './programs/parameter-pattern';
export {
  modelParameters,
  pickedLoss,
  reasonerForward,
  type ReasonerProgramOptions,
  reasonerStates,
} from './programs/reasoner-program';
export { startWorkers, type WorkerPool } from './parallel/worker-pool';
export { type WorkerStart, type WorkerTaskModule } from './parallel/worker-protocol';
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
export { type Answer, type AnswerStage, parseAnswer, type Thought } from './reasoner/answer';
export { type EmbeddedSequences, formatNamed, Reasoner, type Question, type ThinkOptions } from './reasoner/reasoner';
export { type ReasonerSettings } from './reasoner/reasoner-settings';
export { adapterWithTokens, addModelTokens, type AdapterTokens } from './reasoner/add-tokens';
export { embedBatch } from './programs/embed-batch';
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
