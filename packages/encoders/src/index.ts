// Blocks
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
export { LinearLayer, type LinearLayerOptions } from './blocks/linear-layer';
export { LowRankAdapter } from './blocks/low-rank-adapter';
export { HeadNorm, LayerNormLayer, RmsNormLayer, type Normalisation } from './blocks/normalisation';
export { RotaryEmbedding, rotaryFrequencies, type RotaryAngles, type RotaryScaling } from './blocks/rotary-embedding';
export { runBlocks, type Block } from './blocks/run-blocks';
export { lastPositions } from './blocks/last-positions';
export { SelfAttention, type AttentionInput, type SelfAttentionOptions } from './blocks/self-attention';
export { TokenRows } from './blocks/token-rows';
export { TransformerBlock, type TransformerBlockOptions } from './blocks/transformer-block';
// Weights and configurations
export { drawInitialValues, initialiseWeights, parameterStream } from './weights/initialise-weights';
export { checkMemory } from './weights/memory-budget';
export { loadWeights, type LoadWeightsOptions } from './weights/load-weights';
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
  addNote,
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
// Pictures
export { createImageProcessor, loadImageProcessor, saveImageProcessor } from './image-processing/load-image-processor';
export type { ImageProcessor, ProcessOptions } from './image-processing/image-processor';
export {
  decodeImage,
  defaultMaximumPixels,
  type DecodedImage,
  type ImageSource,
  type RawImage,
} from './image-processing/image';
export { ImageError, type ImageErrorCode } from './image-processing/image-error';
export type { NumberArray, ProcessedImages } from './image-processing/numbers';
export { resizeRgb, type Resampling } from './image-processing/resample';
// Vision encoders
export { createVisionEncoder, loadVisionEncoder } from './vision/load-vision-encoder';
export { MllamaVisionEncoder } from './vision/mllama-vision-encoder';
export { readMllamaVisionSettings, type MllamaVisionSettings } from './vision/mllama-vision-settings';
export { PatchVisionEncoder } from './vision/patch-vision-encoder';
export { readPatchEncoderSettings, type PatchEncoderSettings } from './vision/patch-encoder-settings';
export { PixelValuesError, type PixelValues } from './vision/pixel-values';
export type {
  EncodeOptions,
  EncodeResult,
  StandaloneVisionEncoder,
  VisionDimensions,
  VisionEncoder,
} from './vision/vision-encoder';
