import { layerNorm, rmsNorm, type tf } from '@subtext/tensor';
import type { ParameterHandle, ParameterScope } from '../weights/parameter-scope';

/** A normalisation over the last axis; the shape stays. */
export interface Normalisation {
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

  apply<Shape extends tf.Tensor>({ input }: { input: Shape }): Shape {
    return layerNorm({
      input,
      scale: this.weight.value as tf.Tensor1D,
      bias: this.bias.value as tf.Tensor1D,
      epsilon: this.epsilon,
    }) as Shape;
  }
}

/** `x / √(mean(x²) + ε) · weight` over the last axis. */
export class RmsNormLayer implements Normalisation {
  readonly weight: ParameterHandle;
  readonly epsilon: number;

  constructor({ scope, width, epsilon }: { scope: ParameterScope; width: number; epsilon: number }) {
    this.weight = scope.declare({ name: 'weight', shape: [width], initialisation: { kind: 'ones' } });
    this.epsilon = epsilon;
  }

  apply<Shape extends tf.Tensor>({ input }: { input: Shape }): Shape {
    return rmsNorm({ input, scale: this.weight.value as tf.Tensor1D, epsilon: this.epsilon }) as Shape;
  }
}
