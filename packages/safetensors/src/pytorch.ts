export { openPytorch, openPytorchFrom, openWeights } from './pytorch/open';
export type { SafetensorsFile } from './safetensors-file';
export { SafetensorsError, type SafetensorsErrorCode } from './safetensors-error';
