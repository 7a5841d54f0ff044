export { EvaluationError, type EvaluationErrorCode } from './errors';
export { formatInterval, formatValue, type ValueFormat } from './report/format-value';
export { proseSection, type ProseSectionOptions } from './report/prose-section';
export {
  tableSection,
  type TableCell,
  type TableColumn,
  type TableSectionOptions,
  type TableValue,
} from './report/table-section';
export { chartSection, type ChartSectionOptions } from './report/chart-section';
export type { ChartPoint, ChartSeries } from './report/line-chart';
export {
  gallerySection,
  type GalleryItem,
  type GallerySectionOptions,
  type GalleryChange,
  type GalleryThought,
} from './report/gallery-section';
export { isReportPicture, type ReportImage } from './report/image-source';
export { renderReport, type RenderReportOptions, type ReportHighlight } from './report/render-report';
export type { ReportSection } from './report/report-section';
export { corpusBleu, sentenceBleu, type BleuOptions, type BleuScore, type BleuSmoothing } from './metrics/bleu';
export { corpusChrf, sentenceChrf, type ChrfOptions } from './metrics/chrf';
export { rouge, type RougeScore, type RougeScores } from './metrics/rouge';
export { meteor } from './metrics/meteor';
export { porterStem } from './metrics/porter-stemmer';
export { tokenizeThirteenA } from './metrics/text-pieces';
export { stripForScoring } from './metrics/strip-for-scoring';
export { entityRecall, namesOf, numberRecall, type RecallScore } from './metrics/recall';
export { numbersOf, sameNumber } from './metrics/numbers';
export { spacedDigits } from './metrics/exact-match';
export { multipleChoiceLetter, yesOrNo, type Choices } from './metrics/multiple-choice';
export { announcedAnswers, boxedAnswer, markedAnswer } from './answers/answer-marks';
export { beforeNextQuestion } from './answers/answer-scope';
export { choiceAnswer, wordAnswer, yesOrNoAnswer } from './answers/choice-answer';
export {
  coconutMark,
  flexibleExtract,
  strictMatch,
  vlmEvalKit,
  vlmEvalKitYesOrNo,
  type AnswerFilter,
} from './answers/answer-filters';
export { chooseFilters } from './answers/choose-filters';
export { finalAnswer } from './answers/final-answer';
export { numberAnswer, numericAnswer } from './answers/number-answer';
export {
  bootstrap,
  pairedBootstrap,
  type BootstrapOptions,
  type BootstrapResult,
  type PairedDifference,
} from './statistics/bootstrap';
export { meanAndDeviation, wilsonInterval, type Interval, type MeanAndDeviation } from '@subtext/core';
export { mcnemarTest, type McNemarResult } from './statistics/mcnemar';
export {
  compareMethods,
  methodMarkdown,
  methodSections,
  methodSentence,
  type MethodComparison,
} from './comparison/compare-methods';
export { compareSeeds, type SeedComparison } from './statistics/seed-test';
export {
  planExperiment,
  type ExperimentAxis,
  type PlannedRun,
  type Settings as ExperimentSettings,
} from './experiment/plan-experiment';
export {
  summarizeExperiment,
  type CellComparison,
  type CellSummary,
  type ExperimentRun,
  type ExperimentSummary,
} from './experiment/summarize-experiment';
export { experimentMarkdown } from './experiment/experiment-markdown';
export { experimentReport } from './experiment/experiment-report';
export { experimentTables, type ExperimentFindings } from './experiment/experiment-tables';
export type { ExperimentTable } from './experiment/table-cells';
export { measureDrawnThoughts } from './experiment/drawn-thoughts';
export { measureFewerThoughts, type FewerThoughts } from './experiment/fewer-thoughts';
export { measureRecurrences, type ScoreByRecurrences } from './experiment/more-recurrences';
export { measureFactors, type ScoreByFactor } from './experiment/other-factors';
export { failingGraphs, type FailingGraphs } from './experiment/failing-graphs';
export { keepOnce } from './experiment/keep-once';
export { measureSeconds, type AnswerSeconds } from './experiment/measure-seconds';
export { chooseRuns, digestAudit, type AuditDigest, type ChosenRun, type RunFindings } from './experiment/run-findings';
export { scoresByKind } from './experiment/scores-by-kind';
export { evaluateInFolder, type EvaluateInFolderOptions } from './run/evaluate-in-folder';
export { holmCorrection } from './statistics/holm-correction';
export {
  makeSampleRecord,
  stableHash,
  textHash,
  type SampleRecord,
  type SampleRecordOptions,
} from './results/sample-record';
export { openSampleFile, readSamples, type SampleFile } from './results/sample-file';
export { RecordFile, type FileRecord } from './results/record-file';
export {
  buildResults,
  fileDate,
  readResults,
  writeResults,
  type EvaluationResults,
  type TaskRun,
} from './results/evaluation-results';
export { fileNamePart } from './results/result-schema';
export { runMarkdown, runSections, type ReportedTask } from './results/run-sections';
export { hashExamples, hashFile, hashFolder } from './results/content-hash';
export { gitHash } from './results/git-commit';
export { inRunFolder } from './results/in-run-folder';
export { RunFolder, type RunIdentity } from './results/run-folder';
export {
  compareRuns,
  scoreRun,
  type ComparedRun,
  type ComparisonResult,
  type RunComparison,
  type RunScore,
} from './comparison/compare-runs';
export {
  comparisonMarkdown,
  comparisonSections,
  comparisonSentences,
  markdownTable,
} from './comparison/comparison-tables';
export {
  cutThoughts,
  replaceByMarkers,
  meanThoughts,
  permuteThoughts,
  replaceByAnother,
  replaceByMean,
  replaceByNoise,
  replaceByZeros,
  swapThoughts,
  type InterventionKind,
  type ThoughtIntervention,
} from './audit/interventions';
export type {
  InterpreterAuditSample,
  InterpreterAuditSubject,
  InterpreterCondition,
  HiddenStage,
  StageAuditSubject,
  ThoughtAuditSample,
  ThoughtAuditSubject,
} from './audit/audit-subject';
export { ReasonerThoughts, type ReasonerThoughtsOptions } from './audit/reasoner-thoughts';
export { explainerSubject, explanationLikelihoods, type ExplainerSubjectOptions } from './audit/explainer-subject';
export { auditThoughts, type AuditThoughtsOptions, type ThoughtAudit } from './audit/audit-thoughts';
export { judgeThoughts, type ThoughtVerdict } from './audit/thought-verdict';
export { type InterventionEffect, type InterventionResult, type MeasuredShare } from './audit/measure-interventions';
export { auditInterpreter, type AuditInterpreterOptions, type InterpreterAudit } from './audit/audit-interpreter';
export { judgeInterpreter, type InterpreterVerdict } from './audit/interpreter-verdict';
export { type InterpreterConditionResult } from './audit/measure-conditions';
export { retainedInformation, type RetainedInformation } from './audit/retained-information';
export { auditMarkdown } from './audit/audit-markdown';
export { interpreterAuditSections, thoughtAuditSections, verdictWords } from './audit/audit-sections';
export { thinkingSections } from './audit/thinking-sections';
export { auditUse, type AuditUseOptions, type ChangedThought, type UseAudit } from './audit/audit-use';
export { auditWords, type AuditWordsOptions, type CountedShare, type WordsAudit } from './audit/audit-words';
export { returnedThoughts, type ReturnedThoughts } from './audit/returned-thoughts';
export { auditStages, type AuditStagesOptions, type StageAudit, type StageSwap } from './audit/audit-stages';
export { judgeStage, type StageVerdict } from './audit/stage-verdict';
export { ReasonerStages, type ReasonerStagesOptions } from './audit/reasoner-stages';
export { OwnResponses, type OwnResponse, type OwnResponsesOptions } from './audit/own-responses';
export {
  answerGradients,
  gradientSentences,
  type AnswerGradient,
  type AnswerGradientsOptions,
  type AnswerSource,
} from './audit/answer-gradients';
export { type ThinkingAudit } from './audit/audit-thinking';
export { probeReasoner, type ReasonerProbes } from './probes/probe-reasoner';
export {
  compareReasonerProbes,
  type ComparedFact,
  type CompareReasonerProbesOptions,
} from './probes/compare-reasoner-probes';
export { probeModel, type ModelProbes, type ProbeModelOptions } from './probes/probe-model';
export { probeMarkdown, writeProbes } from './probes/probe-report';
export { probeSections } from './probes/probe-sections';
export { superpositionSections } from './probes/superposition-sections';
export { evaluateUse, type EvaluateUseOptions, type UseEvaluation } from './thinking/evaluate-use';
export { evaluateThinking, type EvaluateThinkingOptions, type ThinkingEvaluation } from './thinking/evaluate-thinking';
export {
  evaluateDrawings,
  type DrawingCondition,
  type Drawings,
  type DrawingScore,
} from './thinking/evaluate-drawings';
export { explainThoughts, type Explanations } from './thinking/explain-thoughts';
export { summarizeSamples, type AnswerSummary } from './thinking/summarize-samples';
export { countFacts, scoreExplanations, stageText, type ExplanationScore } from './thinking/score-explanations';
export {
  explanationRequests,
  thoughtConditions,
  type ConditionRequests,
  type ThoughtCondition,
} from './thinking/thought-conditions';
export {
  exactMatchScore,
  isCandidate,
  sampleDocument,
  type EvaluationTask,
  type TaskMetric,
  type TaskScore,
} from './tasks/evaluation-task';
export { groupAccuracy, multipleChoiceTask, promptWithOptions } from './tasks/multiple-choice-task';
export { answerScores, formatTask, type AnswerScore } from './tasks/format-task';
export {
  askedAsGraphs,
  checkTaskFitsModel,
  evaluationTasks,
  findTask,
  loadTask,
  type LoadedTask,
  registerTask,
} from './tasks/registry';
export { evaluationRegistries } from './tasks/registries';
export {
  openAiCompatibleJudge,
  type JudgeEndpoint,
  type OpenAiCompatibleJudgeOptions,
} from './tasks/judge/judge-endpoint';
export {
  judgeSamples,
  readJudgedSamples,
  requireJudge,
  type JudgedSamples,
  type Judgement,
} from './tasks/judge/judge-samples';
export type { JudgedScore, JudgeStep } from './tasks/judge/judge-step';
export {
  evaluateTask,
  isSampleFault,
  type AnsweringModel,
  type EvaluateTaskOptions,
  type EvaluationProgress,
  type ModelAnswer,
} from './run/evaluate-task';
export { evaluateModel, type EvaluateModelOptions, type MadeWith, type ModelEvaluation } from './run/evaluate-model';
export { collectShards, evaluateShard } from './run/evaluate-shard';
export { isDrawn } from './run/evaluation-settings';
export { parseThoughtSampling } from './run/thought-sampling';
export { parseShard, type Shard } from './run/shard';
export { type EvaluationEvent, type EvaluationListener } from './run/evaluation-event';
export { askedOf, openModel, openReasoner, type AnswerSettings, type OpenedModel } from './run/open-model';
export { summarizeSeeds, type SeedSummary } from './run/summarize-seeds';
export { findUnknownWords, type UnknownWords } from './run/unknown-words';
export { loadPlainModel, plainModel, plainModelSees, type PlainModelOptions } from './run/plain-model';
export { reasonerModel } from './run/reasoner-model';
export { loadQuestions, type Questions } from './tasks/load-questions';
export {
  auditModel,
  checkAuditable,
  type AuditModelOptions,
  type AuditResult,
  type ModelAudit,
} from './audit/audit-model';
export { auditReport, writeAudit } from './audit/audit-report';
export { commonestAnswerFloor } from './audit/commonest-answer-floor';
export { keepExplanations, keepStageSwaps, keepThoughtRuns } from './audit/kept-runs';
export { askedGraph, prosqaGraph } from './tasks/prosqa-graph';
export { ThinkingPool } from './thinking/thinking-pool';
export { type PostedQuestion } from './thinking/thinking-worker';
export {
  type FieldValue,
  type MadeMonitor,
  makeMonitor,
  type MakeMonitorOptions,
  type MonitorFindings,
} from './monitor/make-monitor';
export { makeDirection, type MadeDirection, type MakeDirectionOptions } from './steering/make-direction';
export {
  type DistributionScores,
  type Measured,
  scoreDistributions,
  type ScoreDistributionsOptions,
} from './uncertainty/score-distributions';
export {
  measureUncertainty,
  type MeasureUncertaintyOptions,
  type UncertaintyFindings,
} from './uncertainty/measure-uncertainty';
export { type UncertaintyReading, type UncertaintySource } from './uncertainty/uncertainty-reading';
export { type FrontierWeights, frontierWeights } from './uncertainty/frontier-weights';
