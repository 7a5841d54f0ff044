import { layerNorm, rmsNorm, tf, type NormWeights } from '@subtext/tensor';
import type { ParameterHandle, ParameterScope } from '../weights/parameter-scope';

/** A normalisation over the last axis; the shape stays. */
export interface Normalisation {
  /**
   * What a kernel of a whole block computes it from; null, or no such method, where it cannot. Whoever overrides `apply`
   * overrides this too.
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
  /** Where the parameter `weight` lives. */
  scope: ParameterScope;
  width: number;
  epsilon: number;
  /** What the weight is added to: 1 where it is stored as the difference from 1 (Gemma). Default 0. */
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

  /** What the normalised input is multiplied by: `[width]`. */
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

/** The RMS norm of each head's query or key on its own (`q_norm`, `k_norm`); `width` is that of a head. */
export class HeadNorm extends RmsNormLayer {
  override kernelWeights(): null {
    return null;
  }

  /** `[..., heads·width]` to the same. */
  override apply<Shape extends tf.Tensor>({ input }: { input: Shape }): Shape {
    const width = this.weight.declaration.shape[0] as number;
    return tf.reshape(super.apply({ input: tf.reshape(input, [input.size / width, width]) }), input.shape) as Shape;
  }
}
