export { huggingFaceActivations } from './blocks/activation-names';
export {
  FusedProjection,
  SeparateProjections,
  type AttentionProjection,
  type QueryKeyValue,
} from './blocks/attention-projections';
export { EmbeddingLayer, type EmbeddingLayerOptions } from './blocks/embedding-layer';
export { FusedGatedFeedForward, GatedFeedForward, PlainFeedForward, type FeedForward } from './blocks/feed-forward';
export {
  GrowingCache,
  PreallocatedCache,
  type CachedKeysAndValues,
  type KeyValueCache,
  type LayerCache,
} from './blocks/key-value-cache';
export { lastPositions } from './blocks/last-positions';
export { LinearLayer, type LinearLayerOptions } from './blocks/linear-layer';
export { LowRankAdapter } from './blocks/low-rank-adapter';
export { HeadNorm, LayerNormLayer, RmsNormLayer, type Normalisation } from './blocks/normalisation';
export { RotaryEmbedding, rotaryFrequencies, type RotaryAngles, type RotaryScaling } from './blocks/rotary-embedding';
export { runBlocks, type Block } from './blocks/run-blocks';
export { SelfAttention, type AttentionInput, type SelfAttentionOptions } from './blocks/self-attention';
export { TokenRows } from './blocks/token-rows';
export { TransformerBlock, type TransformerBlockOptions } from './blocks/transformer-block';
export { WindowMasks } from './blocks/window-masks';
export { loadAdapter } from './lora/load-adapter';
export { saveAdapter } from './lora/save-adapter';
export {
  addLora,
  loraSettings,
  mergeLora,
  removeLora,
  setLoraDropoutSeed,
  type AddLoraOptions,
  type LoraSettings,
  unmergeLora,
} from './lora/lora';
export { type TargetModules } from './lora/target-modules';
export { tokenTables, type TokenIds } from './lora/token-rows';
export { untrainedTokens } from './lora/untrained-tokens';
export { drawInitialValues, initialiseWeights, parameterStream } from './weights/initialise-weights';
export { loadWeights, type LoadWeightsOptions } from './weights/load-weights';
export { checkMemory } from './weights/memory-budget';
export { ModelFolderError, type ModelFolderErrorCode } from './weights/model-folder-error';
export {
  ModelStructure,
  ParameterScope,
  type Initialisation,
  type ParameterDeclaration,
  type ParameterHandle,
} from './weights/parameter-scope';
export {
  activationName,
  collectNotes,
  commonConfigKeys,
  dropoutRate,
  flag,
  harmless,
  layerCount,
  neutral,
  parseConfig,
  positiveInteger,
  readConfig,
  shown,
  type RawConfig,
} from './weights/read-config';
export { readJsonObject } from './weights/read-json-object';
export { readRotaryConfig, rotaryConfigKeys, rotaryParameters } from './weights/rotary-config';
export { AdapterError, type AdapterErrorCode } from './lora/adapter-error';
export type { AdaptableModel } from './lora/adaptable-model';
