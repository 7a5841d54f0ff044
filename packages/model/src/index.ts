export { createModel } from './create-model';
export { DecoderModel, type DecoderModelOptions } from './decoder-model';
export { registerFamily, supportedModelTypes } from './families/registry';
export { Conversation, type ContinueOptions, type ConversationOptions, type Turn } from './generation/conversation';
export {
  DecodingSession,
  lastPosition,
  type DecodingSessionOptions,
  type FeedOptions,
} from './generation/decoding-session';
export { endOfTextIds } from './generation/end-of-text';
export { leftPad } from './generation/embed-prompts';
export { generate } from './generation/generate';
export {
  type EmbeddedPrompts,
  type GeneratedToken,
  type GenerateOptions,
  type Generation,
  type StopReason,
} from './generation/generate-options';
export { sightVisibility, type RowSight } from './generation/row-sight';
export { sampleToken } from './generation/sample-token';
export type { SamplingOptions } from './generation/sampling-options';
export type { ForwardOptions, ForwardResult, LanguageModel, ModelDimensions, PassVisibility } from './language-model';
export { loadModel, type LoadModelOptions } from './load-model';
export { modelSizes } from './model-sizes';
export { weightDtypes } from './stored-dtypes';
export { textModelOf } from './text-model-of';
export {
  isMultimodal,
  type EmbeddedInputs,
  type IdRows,
  type ImageInputs,
  type MultimodalModel,
} from './multimodal-model';
export { ModelError, type ModelErrorCode } from './model-error';
export { isRecurrent, RecurrentModel, type RecurrentInput } from './recurrent-model';
export { drawTokenRows, resizeEmbeddings, type NewToken, type ResizeEmbeddingsOptions } from './resize-embeddings';
export { saveModel, type SaveModelOptions } from './saving/save-model';
export { nextTokenLoss, type NextTokenLossOptions } from './training/next-token-loss';
