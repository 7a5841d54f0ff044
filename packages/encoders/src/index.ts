// Images
export {
  createImageProcessor,
  loadImageProcessor,
  type LoadImageProcessorOptions,
  saveImageProcessor,
} from './image-processing/load-image-processor';
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
