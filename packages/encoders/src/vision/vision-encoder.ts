import type { RawConfig, ModelStructure } from '@subtext/nn';
import type { tf } from '@subtext/tensor';

import type { NumberArray } from '../image-processing/numbers';
import type { PixelValues } from './pixel-values';

/** Options of {@link VisionEncoder.encode}. */
export interface EncodeOptions {
  /** `[images, channels, height, width]` as in transformers, or `[images, height, width, channels]` */
  pixelValues: PixelValues;
  /** Idefics3: 1 for image pixels, 0 for padding, `[images, height, width]`. @default all 1 */
  pixelAttentionMask?: NumberArray<Int32Array>;
  /** Return the hidden states of all layers. @default false */
  outputHiddenStates?: boolean;
}

/** Output of an encoder, named as in transformers. The tensors belong to the caller's `tf.tidy` scope. */
export interface EncodeResult {
  /** `[images, tokens, width]`; CLIP's before its final norm, SigLIP's and Idefics3's after it */
  lastHiddenState: tf.Tensor3D;
  /** `layers + 1` tensors `[images, tokens, width]`: the input of the first layer, then each layer's output. Null unless requested. */
  hiddenStates: tf.Tensor3D[] | null;
  /** `[images, width]`; CLIP's class token after the final norm, SigLIP's attention pooling. Null for encoders without pooling. */
  poolerOutput: tf.Tensor2D | null;
}

/** Dimensions of an encoder. */
export interface VisionDimensions {
  width: number;
  layers: number;
  heads: number;
  channels: number;
  /** Side length of images in pixels. */
  imageSize: number;
  patchSize: number;
  /** Number of patches of an image of `imageSize`. */
  patches: number;
  /** Whether a class token precedes the patches. */
  classToken: boolean;
}

/** A vision transformer: maps images to one vector per patch. */
export interface VisionEncoder {
  /** Hugging Face's `model_type` */
  readonly modelType: string;
  readonly dimensions: VisionDimensions;
  /** Does not free intermediate tensors: call it inside `tf.tidy`, or inside the differentiated function. */
  encode(options: EncodeOptions): EncodeResult;
  /**
   * The states of the given layers, each `[images, tokens, width]`, indexed like `hiddenStates` (0 is the input of the first
   * layer; negative indices count from the end). Layers after the last requested one are not computed.
   */
  features(options: {
    pixelValues: PixelValues;
    pixelAttentionMask?: NumberArray<Int32Array>;
    layers: readonly number[];
  }): tf.Tensor3D[];
}

/** A standalone encoder with its configuration and weights. */
export interface StandaloneVisionEncoder extends VisionEncoder {
  readonly config: RawConfig;
  readonly structure: ModelStructure;
  /** Frees the weights. */
  dispose(): void;
}
