import { activate, linear, tf, type Activation, type LinearWeights, type WeightLayout } from '@subtext/tensor';

import type { Initialisation, ParameterHandle, ParameterScope } from '../weights/parameter-scope';
import type { LowRankAdapter } from './low-rank-adapter';
import type { TokenRows } from './token-rows';

export interface LinearLayerOptions {
  /** The scope that declares the parameters `weight` and `bias`. */
  scope: ParameterScope;
  inputWidth: number;
  outputWidth: number;
  /** Whether the layer has a bias. Default true. */
  bias?: boolean;
  /** Layout of the weight: `out-in` as in PyTorch's Linear, `in-out` as in GPT-2's Conv1D. Default `out-in`. */
  layout?: WeightLayout;
  /** Initialisation of the weight in a new model. Default: normal with standard deviation 0.02. */
  initialisation?: Initialisation;
  /**
   * A weight shared with another layer (tied output embeddings), declared as `[outputWidth, inputWidth]`; this layer
   * then declares none.
   */
  tiedWeight?: ParameterHandle;
}

/**
 * `y = activation(x · Wᵀ + b)`, or with a LoRA adapter `y = activation(x · Wᵀ + b + α/r · dropout(x) · Aᵀ · Bᵀ)` (LoRA,
 * arXiv 2106.09685). Registers itself in the structure under its scope's name, so that adapters can find it.
 */
export class LinearLayer {
  /** The module's name in the checkpoint, such as `model.layers.0.self_attn.q_proj`. */
  readonly name: string;
  readonly layout: WeightLayout;
  readonly weight: ParameterHandle;
  readonly bias: ParameterHandle | null;
  /** Whether the weight is shared with another layer. */
  readonly tied: boolean;
  /** The active adapter; null if there is none. */
  adapter: LowRankAdapter | null = null;
  /** For an output layer: token rows of its weight that are trained separately; null if there are none. */
  rows: TokenRows | null = null;

  constructor({
    scope,
    inputWidth,
    outputWidth,
    bias = true,
    layout = 'out-in',
    initialisation = { kind: 'normal', deviation: 0.02 },
    tiedWeight,
  }: LinearLayerOptions) {
    this.name = scope.prefix;
    this.layout = layout;
    this.tied = tiedWeight !== undefined;
    this.weight =
      tiedWeight ??
      scope.declare({
        name: 'weight',
        shape: layout === 'out-in' ? [outputWidth, inputWidth] : [inputWidth, outputWidth],
        initialisation,
      });
    this.bias = bias ? scope.declare({ name: 'bias', shape: [outputWidth], initialisation: { kind: 'zeros' } }) : null;
    scope.structure.linearLayers.set(this.name, this);
  }

  get inputWidth(): number {
    return this.weight.declaration.shape[this.layout === 'out-in' ? 1 : 0] as number;
  }

  get outputWidth(): number {
    return this.weight.declaration.shape[this.layout === 'out-in' ? 0 : 1] as number;
  }

  /** The weights for a fused block kernel; null if the layer has additions that kernels do not support. */
  kernelWeights(): LinearWeights | null {
    if (this.rows?.merged === false) return null;
    const adapter = this.adapter?.merged === false ? this.adapter.kernelWeights() : null;
    if (adapter === null && this.adapter?.merged === false) return null;
    return {
      adapter,
      weight: this.weight.value as tf.Tensor2D,
      bias: (this.bias?.value as tf.Tensor1D | undefined) ?? null,
      layout: this.layout,
    };
  }

  /** `[..., inputWidth]` to `[..., outputWidth]`. */
  apply<Shape extends tf.Tensor>({ input, activation = 'none' }: { input: Shape; activation?: Activation }): Shape {
    const weight = this.weight.value as tf.Tensor2D;
    const bias = (this.bias?.value as tf.Tensor1D | undefined) ?? undefined;
    const adapter = this.adapter?.merged === false ? this.adapter : null;
    const rows = this.rows?.merged === false ? this.rows : null;
    if (adapter === null && rows === null)
      return linear({ input, weight, bias, activation, layout: this.layout }) as Shape;
    const products = linear({ input, weight, bias: rows === null ? bias : undefined, layout: this.layout });
    const whole: tf.Tensor = rows === null ? products : rows.project({ input, products });
    const sum = [rows === null ? undefined : bias, adapter?.apply({ input })].reduce<tf.Tensor>(
      (total, part) => (part ? tf.add(total, part) : total),
      whole,
    );
    return activate({ input: sum, activation }) as Shape;
  }
}
