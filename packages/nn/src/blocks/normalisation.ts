import { layerNorm, rmsNorm, tf, type NormWeights } from '@subtext/tensor';
import type { ParameterHandle, ParameterScope } from '../weights/parameter-scope';

/** A normalisation over the last axis; the shape is unchanged. */
export interface Normalisation {
  /**
   * The weights for a fused block kernel; null or absent if it cannot be fused. A subclass that overrides `apply` must
   * override this too.
   */
  kernelWeights?(): NormWeights | null;
  apply<Shape extends tf.Tensor>(options: { input: Shape }): Shape;
}

/** `(x − mean) / √(variance + ε) · weight + bias` over the last axis. */
export class LayerNormLayer implements Normalisation {
  readonly weight: ParameterHandle;
  readonly bias: ParameterHandle;
  readonly epsilon: number;

  constructor({ scope, width, epsilon }: { scope: ParameterScope; width: number; epsilon: number }) {
    this.weight = scope.declare({ name: 'weight', shape: [width], initialisation: { kind: 'ones' } });
    this.bias = scope.declare({ name: 'bias', shape: [width], initialisation: { kind: 'zeros' } });
    this.epsilon = epsilon;
  }

  kernelWeights(): NormWeights {
    return { scale: this.weight.value as tf.Tensor1D, bias: this.bias.value as tf.Tensor1D, epsilon: this.epsilon };
  }

  apply<Shape extends tf.Tensor>({ input }: { input: Shape }): Shape {
    return layerNorm({
      input,
      scale: this.weight.value as tf.Tensor1D,
      bias: this.bias.value as tf.Tensor1D,
      epsilon: this.epsilon,
    }) as Shape;
  }
}

export interface RmsNormOptions {
  /** The scope that declares the parameter `weight`. */
  scope: ParameterScope;
  width: number;
  epsilon: number;
  /** Added to the weight: 1 if it is stored as the difference from 1 (Gemma). Default 0. */
  offset?: 0 | 1;
}

/** `x / √(mean(x²) + ε) · (offset + weight)` over the last axis (arXiv 1910.07467). */
export class RmsNormLayer implements Normalisation {
  readonly weight: ParameterHandle;
  readonly epsilon: number;
  readonly offset: 0 | 1;

  constructor({ scope, width, epsilon, offset = 0 }: RmsNormOptions) {
    this.weight = scope.declare({
      name: 'weight',
      shape: [width],
      initialisation: { kind: offset === 0 ? 'ones' : 'zeros' },
    });
    this.epsilon = epsilon;
    this.offset = offset;
  }

  /** The scale applied to the normalised input: `[width]`. */
  get scale(): tf.Tensor1D {
    const weight = this.weight.value as tf.Tensor1D;
    return this.offset === 0 ? weight : tf.add(weight, this.offset);
  }

  kernelWeights(): NormWeights | null {
    return { scale: this.scale, bias: null, epsilon: this.epsilon };
  }

  apply<Shape extends tf.Tensor>({ input }: { input: Shape }): Shape {
    return rmsNorm({ input, scale: this.scale, epsilon: this.epsilon }) as Shape;
  }
}

/** RMS norm applied to each head of the queries or keys separately (`q_norm`, `k_norm`); `width` is the head width. */
export class HeadNorm extends RmsNormLayer {
  override kernelWeights(): null {
    return null;
  }

  /** The shape `[..., heads·width]` is unchanged. */
  override apply<Shape extends tf.Tensor>({ input }: { input: Shape }): Shape {
    const width = this.weight.declaration.shape[0] as number;
    return tf.reshape(super.apply({ input: tf.reshape(input, [input.size / width, width]) }), input.shape) as Shape;
  }
}
