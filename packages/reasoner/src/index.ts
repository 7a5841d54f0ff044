export { canExchange, collateExchanged, type ExchangedLayout, withAnswer } from './batches/exchanged-layouts';
export { type ContinuousThoughts } from './batches/continuous-thoughts';
export { hashCounters, permutationAt, randomAt } from './batches/counter-random';
export { collateInputs, type GivenInputs, mixedEmbeddings } from './batches/given-inputs';
export { PictureStore, type BatchPictures } from './batches/picture-store';
export {
  batchRows,
  collateLayouts,
  countPredicted,
  lossWeight,
  splitIntoShards,
  type ReasonerBatch,
} from './batches/reasoner-batch';
export { FeedbackMap, type FeedbackSettings } from './feedback/feedback-map';
export { type PredictedLatents } from './feedback/latent-head';
export { openRelease, type OpenedRelease, type OpenReleaseOptions } from './releases/open-release';
export { type ReleaseName } from './releases/checkpoint-parts';
export { answerInPlace, readRun } from './recurrence/answer-in-place';
export { recurrentForward } from './recurrence/recurrent-forward';
export {
  type RecurrenceReading,
  type RecurrentRun,
  runRecurrences,
  type RunRecurrencesOptions,
} from './recurrence/run-recurrences';
export { continuousForward } from './forward/continuous-forward';
export { cachedRows, type KeysAndValues } from './forward/keys-and-values';
export { embedBatch } from './forward/embed-batch';
export { openModel, openWithFeedback, type ModelSource, type OpenedModel } from './forward/model-source';
export { stopGradient, withoutGradient } from './forward/stop-gradient';
export { measureThoughts, type ThoughtRows } from './forward/thought-measures';
export { CounterStream, drawNodeNumbers, drawQueries } from './graphs/draw-queries';
export { drawGraphBatch, type GraphBatch, type WeightedTargets } from './graphs/graph-batch';
export { type GraphDrawing, type GraphSupervision } from './graphs/graph-layout';
export { graphExample, type GraphExample } from './graphs/graph-example';
export { graphForward } from './graphs/graph-forward';
export { graphMethod, graphOptions, type GraphOptions } from './graphs/graph-method';
export { parseGraphQuestion, shortestPath, formatGraphQuestion, type GraphQuestion } from './graphs/graph-question';
export { graphReasoner } from './graphs/graph-reasoner';
export { GRAPH_NODES, GraphVocabulary, type GraphForm } from './graphs/graph-vocabulary';
export { type AdaptiveOptions } from './methods/adaptive';
export { type CoconutOptions } from './methods/coconut';
export { type CodiOptions } from './methods/codi';
export { type KavaOptions } from './methods/kava';
export { type ColarOptions } from './methods/colar';
export { type Cot2Options } from './methods/cot2';
export { type HeimaOptions } from './methods/heima';
export { type ThinkingTokenCount } from './methods/thinking-tokens';
export { type IcotOptions } from './methods/icot';
export { latentTokens } from './methods/latent-prompt';
export { type PauseOptions } from './methods/pause';
export {
  formatNamed,
  linesFormat,
  reasoningFormats,
  taggedFormat,
  type ReasoningFormat,
} from './methods/reasoning-format';
export {
  IGNORED_LABEL,
  type Layout,
  type LayoutContext,
  type LayoutPart,
  layoutsOf,
  type ObjectiveSpecification,
  type Phase,
  type GivenInput,
  type ReasoningMethod,
  type RightAnswer,
  type Teacher,
  type SoftTargets,
  type PromptSubject,
  type ThoughtPosition,
  type PredictedWords,
  type ThoughtWords,
} from './methods/reasoning-method';
export {
  allMethodsConfiguration,
  createMethod,
  methodConfiguration,
  methodNames,
  methodSpecification,
  type MethodSpecification,
  registerMethod,
} from './methods/registry';
export { type RecurrentOptions } from './methods/recurrent';
export { type SimCotOptions } from './methods/sim-cot';
export { LayoutBuilder, promptOf, stageName } from './methods/layout-builder';
export { textParts } from './methods/text-parts';
export { stagesOf } from './methods/stages-of';
export { documentPack, type DocumentPackOptions } from './packs/document-pack';
export { type KnowledgePack, type PackForm, type PackTensor } from './packs/knowledge-pack';
export { modelFingerprint } from './packs/model-fingerprint';
export { loadPack, savePack } from './packs/pack-file';
export { PackedModel } from './packs/packed-model';
export { documentIds, packedReasoner } from './packs/packed-reasoner';
export { adapterWithTokens, addModelTokens, type AdapterTokens } from './reasoner/add-tokens';
export { parseAnswer, type Answer, type AnswerStage } from './reasoner/answer';
export { answerStart, type AnswerStart } from './reasoner/answer-start';
export { withFactor } from './reasoner/with-factor';
export { type EmbeddedSequences } from './reasoner/embed-sequences';
export { Reasoner, type Question, type ThinkOptions } from './reasoner/reasoner';
export { type ReasonerSettings } from './reasoner/reasoner-settings';
export { sequenceRoles, type SequenceRoles } from './visibility/sequence-roles';
export { type WrittenRoles } from './visibility/written-roles';
export { type BatchVisibility } from './visibility/batch-visibility';
export { methodVisibility } from './visibility/method-visibility';
export { type Role, tagRole } from './visibility/roles';
export {
  checkVisibility,
  resolveVisibility,
  visibilityConfiguration,
  visibilityNames,
  type VisibilityName,
  type VisibilitySubject,
  type VisibilityTable,
} from './visibility/visibility-table';
export { ReasonerError, type ReasonerErrorCode } from './errors';
export { modelParameters, type ProgramParameter } from './forward/trainable-parameters';
export { createGraphModel, tokenVectors, type GraphModelOptions } from './graphs/graph-model';
export { freezeParameters, parameterPattern } from './forward/parameter-pattern';
export { pickedLoss } from './forward/picked-losses';
export { partTable } from './graphs/graph-model';
export { pickedLosses } from './forward/picked-losses';
export { type MeanMetric } from './forward/thought-measures';
export { replayAnswers, type Replay, type ReplayOptions, type ReplayPlace } from './session/replay';
export { Session, type NextInput, type SessionInput, type SessionOptions, type SessionState } from './session/session';
export {
  type DrawnThought,
  refusedSampling,
  type ThoughtDraws,
  ThoughtSampler,
  type ThoughtSampling,
} from './session/sampled-thoughts';
export {
  type DecideHalting,
  type DecideThought,
  type HaltingState,
  type ThoughtState,
} from './session/think-in-prompt';
export {
  type Condition,
  type Intervention,
  type Moment,
  onProbe,
  onReturn,
  onToken,
  type SupervisionEvent,
  Supervisor,
} from './session/supervise';
export { type Thought } from './session/thought';
export { ThoughtCache, type CachePlace, type ThoughtReplacement } from './session/thought-cache';
export { readThoughts, thoughtPlaces, type SeenThought, type ThoughtPlace } from './session/seen-thoughts';
export { type ChangedAnswer, changeThoughts, type StageChange } from './session/change-thoughts';
export {
  type ChangedAnswers,
  type ChangedPlaces,
  changedPlaces,
  checkStage,
  replacedPlaces,
  thinkAgain,
  type ThinkAgainOptions,
} from './session/think-again';
export { stageThoughts, steer, swapStage, type Steering } from './session/steer';
export { loadMonitor, monitorScore, onMonitor, saveMonitor, type ThoughtMonitor } from './session/thought-monitor';
export { alongDirection, loadDirection, saveDirection, type ThoughtDirection } from './session/thought-direction';
/** The zod that this package checks with, for the schemas of methods that are registered. */
export { z } from 'zod';
