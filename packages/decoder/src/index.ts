export { DecoderError, type DecoderErrorCode } from './errors';
export { Explainer, explanationContext, type ExplanationRequest } from './interpreter/explainer';
export { type ThoughtReading } from './interpreter/explanation-batch';
export { type ExplanationContext, type ExplanationLayout, layoutExplanation } from './interpreter/explanation-layout';
export { promptTemplates, type PromptTemplates } from './interpreter/explanatory-prompts';
export { Interpreter, type InterpreterSpecification } from './interpreter/interpreter';
export { type InterpreterSettings } from './interpreter/interpreter-settings';
export { Projector, type ProjectorOptions } from './interpreter/projector';
export { type ExplanationData, jointPhases } from './loop/joint-phases';
export {
  interpreterGroups,
  type InterpreterOptions,
  interpreterTokens,
  type PreparedInterpreters,
  prepareInterpreters,
  saveInterpreters,
  SLOT_TOKEN,
} from './loop/prepare-interpreters';
export { jointProgramModule } from './programs/joint-program-module';
export {
  createProgram as createJointProgram,
  type JointBatch,
  type JointProgramOptions,
} from './programs/joint-program';
export { ThinkingPool } from './thinking/thinking-pool';
export { type PostedQuestion } from './thinking/thinking-worker';
