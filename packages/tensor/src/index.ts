export { tf } from './tensorflow';
export { TensorError, OperationError, EngineError, type TensorErrorCode } from './errors';

export type {
  Engine,
  EngineCapabilities,
  EngineDevice,
  EngineMemory,
  EngineName,
  EngineWork,
  StoredDtype,
} from './engines/engine';
export { recomputed, type RecomputedOptions } from './state/recomputed';
export { isStored, storeWeight } from './state/store-weight';
export { weightDtype, type WeightDtype, type WeightStore } from './engines/weight-dtypes';
export { engineCapabilities, engineMemory, knownEngines, registerEngine } from './engines/registry';
export { rememberSelfTest, type TestedDevice } from './engines/self-test-record';
export { useEngine, engineName, engineChoice, type EngineChoice } from './engines/use-engine';
export { describeEngines, type EngineReport } from './engines/describe-engines';

export type {
  Activation,
  ActivationKernel,
  AttentionKernel,
  AttentionKernelOptions,
  BlockVariants,
  CrossEntropyKernel,
  DecoderBlockKernel,
  DecoderBlockKernelOptions,
  EmbeddingKernel,
  FusedKernels,
  GatedActivationKernel,
  Kernel,
  LayerNormKernel,
  LinearKernel,
  LinearKernelOptions,
  RmsNormKernel,
  RotaryKernel,
  RotaryKernelOptions,
  TransformerBlockKernel,
  WeightLayout,
  LinearWeights,
  LowRankWeights,
  NormWeights,
  TransformerBlockParts,
  TransformerBlockOptions,
} from './kernels/kernels';
export { adapterTensors, transformerBlockTensors } from './kernels/transformer-block-tensors';
export { registerFusedKernels, fusedKernels, withoutFusedKernels } from './kernels/registry';

export { linear, type LinearOptions } from './operations/linear';
export { attention, type AttentionOptions } from './operations/attention';
export { attentionWeights } from './operations/attention-weights';
export { layerNorm, type LayerNormOptions } from './operations/layer-norm';
export { rmsNorm, type RmsNormOptions } from './operations/rms-norm';
export { softCap, type SoftCapOptions } from './operations/soft-cap';
export { continuedBlock } from './operations/continued-block';
export { transformerBlock } from './operations/transformer-block';
export { decoderBlock, type DecoderBlockOptions, type ReservedPositions } from './operations/decoder-block';
export { rotary, type RotaryLayout, type RotaryOptions } from './operations/rotary';
export { gatedActivation, type GatedActivationOptions } from './operations/gated-activation';
export { activate, type ActivateOptions } from './operations/activate';
export { activationNames } from './operations/activations';
export { embedding, type EmbeddingOptions } from './operations/embedding';
export { crossEntropy, type CrossEntropyOptions } from './operations/cross-entropy';
export { gatherRows, type GatherRowsOptions } from './operations/gather-rows';
export { scatterRows, type ScatterRowsOptions } from './operations/scatter-rows';
export type { RowIndices } from './operations/row-indices';

export { Parameters, type ParameterPattern } from './state/parameters';
export { valueAndGradients, type ValueAndGradients, type ValueAndGradientsOptions } from './state/value-and-gradients';
export { AdamW, type AdamWOptions, type AdamWStepOptions, type AdamWState } from './state/adam-w';
export { globalNorm, globalNormAsync, clippingScale } from './state/global-norm';
export { variableGradients, type VariableGradients } from './state/variable-gradients';
export { createSharedMemory, flatArrayKernels, type FlatArrayKernels } from './engines/wasm/kernels/flat-arrays';
export type { WebAssemblyMemory } from './engines/wasm/kernels/web-assembly';
export { KeyValueCache, type KeyValueCacheOptions, type CachedKeysAndValues } from './state/key-value-cache';

export { RandomStream } from '@subtext/core';
export { normal, uniform, type NormalOptions, type UniformOptions } from './random/initialisers';

export { selfTest, type SelfTestOptions, type SelfTestReport } from './parity/self-test';
export type { CaseResult } from './parity/check-case';
