import type { RawConfig, ModelStructure } from '@subtext/nn';
import type { tf } from '@subtext/tensor';

import type { NumberArray } from '../image-processing/numbers';
import type { PixelValues } from './pixel-values';

/** What an encoder is called with. */
export interface EncodeOptions {
  /** `[images, channels, height, width]` as transformers, or `[images, height, width, channels]` */
  pixelValues: PixelValues;
  /** Idefics3: 1 where a pixel is the picture's and not padding, `[images, height, width]`. @default all */
  pixelAttentionMask?: NumberArray<Int32Array>;
  /** give the states between the layers. @default false */
  outputHiddenStates?: boolean;
}

/** What an encoder gives, named as in transformers. The tensors belong to the caller's scope. */
export interface EncodeResult {
  /** `[images, tokens, width]`; CLIP's before its final norm, SigLIP's and Idefics3's after it */
  lastHiddenState: tf.Tensor3D;
  /** `layers + 1` tensors `[images, tokens, width]`: what enters the first layer, then each layer's output. Null unless asked for. */
  hiddenStates: tf.Tensor3D[] | null;
  /** `[images, width]`; CLIP's class token after the final norm, SigLIP's attention pooling. Null where there is none. */
  poolerOutput: tf.Tensor2D | null;
}

/** The sizes of an encoder. */
export interface VisionDimensions {
  width: number;
  layers: number;
  heads: number;
  channels: number;
  /** pixels on each side */
  imageSize: number;
  patchSize: number;
  /** patches of a picture of `imageSize` */
  patches: number;
  /** whether a class token stands before the patches */
  classToken: boolean;
}

/** A vision transformer: pictures in, a vector for each patch out. */
export interface VisionEncoder {
  /** Hugging Face's `model_type` */
  readonly modelType: string;
  readonly dimensions: VisionDimensions;
  /** Frees nothing: call it inside `tf.tidy`, or inside the function that is differentiated. */
  encode(options: EncodeOptions): EncodeResult;
  /**
   * The states after the layers named, each `[images, tokens, width]`, as `hiddenStates` counts them (0 is what enters
   * the first layer; negative counts from the end). Layers beyond the last one named are not computed.
   */
  features(options: {
    pixelValues: PixelValues;
    pixelAttentionMask?: NumberArray<Int32Array>;
    layers: readonly number[];
  }): tf.Tensor3D[];
}

/** An encoder that stands alone, with its configuration and weights. */
export interface StandaloneVisionEncoder extends VisionEncoder {
  readonly config: RawConfig;
  readonly structure: ModelStructure;
  /** frees the weights */
  dispose(): void;
}
