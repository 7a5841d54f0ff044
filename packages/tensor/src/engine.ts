/** API for engine authors: what a package `@subtext/engine-NAME` needs beyond the main entry. */
export {
  multiplyAdds,
  type Engine,
  type EngineCapabilities,
  type EngineDevice,
  type EngineMemory,
  type EngineName,
  type EngineWork,
} from './engines/engine';
export { engineHome } from './engines/engine-home';
export { findPackage, packagePlaces, type FoundPackage } from './engines/package-places';
export { storedNumbers, type StoredNumbers } from './engines/weight-dtypes';
export { initialiseBackend, keepingBackend } from './engines/backend-state';
export { processorName } from './engines/processor-name';
export { requireOnTensorflow, tensorflowInUse, type TensorflowInUse } from './engines/require-on-tensorflow';
export { openOnWasmMemory, type WasmTensors } from './engines/wasm/second-backend';
export { wasmMemory } from './engines/wasm/memory';

export { activationCodes } from './kernels/activation-codes';
export { blockIsPlain } from './operations/check-block';
export { adapterTensors, transformerBlockLayers, transformerBlockTensors } from './kernels/transformer-block-tensors';
export { composedActivation, composedActivationGradient, sigmoidForm } from './operations/activations';
export { composedEmbedding } from './operations/embedding';
export { composedGatedActivation } from './operations/gated-activation';
export { composedLinear } from './operations/linear';
