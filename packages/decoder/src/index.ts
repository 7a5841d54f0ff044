export { DecoderError, type DecoderErrorCode } from './errors';
export { explainAnswers, loadExplainers } from './interpreter/explain-answers';
export { Explainer, explanationContext, type ExplanationRequest } from './interpreter/explainer';
export { type ThoughtReading } from './interpreter/explanation-batch';
export { type ExplanationContext, type ExplanationLayout, layoutExplanation } from './interpreter/explanation-layout';
export { promptTemplates, type PromptTemplates } from './interpreter/explanatory-prompts';
export { Interpreter, type InterpreterSpecification } from './interpreter/interpreter';
export { type InterpreterSettings } from './interpreter/interpreter-settings';
export { Projector, type ProjectorOptions } from './interpreter/projector';
export { collateExplanations, stateRow, type ExplanationBatch } from './interpreter/explanation-batch';
export { templateCount } from './interpreter/explanation-layout';
export {
  questionStates,
  untrainedThoughts,
  type AnswerStatesOptions,
  type QuestionStates,
} from './probes/answer-states';
export {
  compareProbes,
  type CompareProbesOptions,
  type ProbeBaseline,
  type ProbeComparison,
  type ProbeVerdict,
} from './probes/compare-probes';
export { untrainedReasoner } from './probes/untrained-reasoner';
export { type Probed } from './probes/probe-split';
export { trainLinearProbe, type LinearProbeOptions, type LinearProbeResult } from './probes/linear-probe';
export { softmax, type SoftmaxProbe, type SoftmaxProbeOptions, trainSoftmaxProbe } from './probes/softmax-probe';
export { auroc, type Auroc } from './monitor/auroc';
export { trainMonitor, type TrainedMonitor, type TrainMonitorOptions } from './monitor/train-monitor';
export { logitLens, type LensReading, type LensToken } from './probes/logit-lens';
export { probeLabels, type ProbeLabels } from './probes/probe-labels';
export {
  mostActivating,
  type ActivatingExample,
  type ActiveLatent,
  type SparseAutoencoder,
} from './probes/sparse-autoencoder';
export { trainSparseAutoencoder, type SparseAutoencoderOptions } from './probes/train-sparse-autoencoder';
export { classifyNodes, nodeClasses, type NodeClass } from './probes/node-classes';
export {
  measureSuperposition,
  type ReadThought,
  type Superposition,
  type ThoughtSuperposition,
} from './probes/superposition';
export {
  meanPairwiseCosine,
  thoughtGeometry,
  type PlaceGeometry,
  type ThoughtGeometry,
} from './probes/thought-geometry';
export { euclideanNorm, type ThoughtStates } from './probes/thought-states';
export { minimize } from './probes/minimize';
export {
  directionKinds,
  stageDirection,
  type DirectionKind,
  type StageDirectionOptions,
} from './directions/stage-direction';
export { Drawer } from './drawer/drawer';
export { type DrawerSettings } from './drawer/drawer-settings';
export { drawingPairs, type DrawingPairs } from './drawer/drawing-pairs';
export { drawerDefaults, trainDrawer, type TrainDrawerOptions } from './drawer/train-drawer';
export { principalComponents, type PrincipalComponents } from './probes/principal-components';
export { readBack, type ReadBack, type ReadPiece } from './interpreter/read-back';
export { isWord, sharedWords, wordPieces } from './interpreter/shared-words';
export { type Trace, type TraceLens, type TracePosition, type TraceThought, type TraceToken } from './trace/trace';
export { traceAnswer, type TraceAnswerOptions } from './trace/trace-answer';
export { traceText, type TraceTextOptions } from './trace/trace-text';
export { answersUnder, type AnswerUnder } from './trace/answers-under';
export { editAnswer } from './trace/edit-answer';
export { editThoughts, type EditThoughtsOptions, type ThoughtEdit } from './trace/thought-edits';
export {
  type AnswerLoss,
  type EarlyAnswer,
  earlyAnswers,
  neededThoughts,
  type ThoughtNeed,
} from './trace/needed-thoughts';
export { graphThoughts, type GraphNode, type GraphThoughts, type NodeInThought } from './trace/graph-thoughts';
export { haltingChances } from './trace/halting-chances';
export { type Alikeness, alikeness } from './trace/alikeness';
export { nearestThoughts } from './probes/nearest-thoughts';
