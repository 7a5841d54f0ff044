import { activate, linear, tf, type Activation, type LinearWeights, type WeightLayout } from '@subtext/tensor';

import type { Initialisation, ParameterHandle, ParameterScope } from '../weights/parameter-scope';
import type { LowRankAdapter } from './low-rank-adapter';
import type { TokenRows } from './token-rows';

export interface LinearLayerOptions {
  /** Where the layer's parameters `weight` and `bias` live. */
  scope: ParameterScope;
  inputWidth: number;
  outputWidth: number;
  /** Whether there is a bias. Default true. */
  bias?: boolean;
  /** How the weight lies: `out-in` as PyTorch's Linear, `in-out` as GPT-2's Conv1D. Default `out-in`. */
  layout?: WeightLayout;
  /** How the weight starts in a new model. Default normal with deviation 0.02. */
  initialisation?: Initialisation;
  /** A weight that another layer owns (tied output embeddings), `[outputWidth, inputWidth]` by its declaration; none is declared then. */
  tiedWeight?: ParameterHandle;
}

/**
 * `y = activation(x · Wᵀ + b)`, and with a low-rank adapter `y = activation(x · Wᵀ + b + α/r · dropout(x) · Aᵀ · Bᵀ)`
 * (LoRA, arXiv 2106.09685). Registers itself in the structure under its scope's name, where adapters find it.
 */
export class LinearLayer {
  /** The module's name in the checkpoint, such as `model.layers.0.self_attn.q_proj`. */
  readonly name: string;
  readonly layout: WeightLayout;
  readonly weight: ParameterHandle;
  readonly bias: ParameterHandle | null;
  /** Whether the weight belongs to another layer. */
  readonly tied: boolean;
  /** The adapter in use; null without one. */
  adapter: LowRankAdapter | null = null;
  /** Of an output layer: rows of its weight, which are tokens', that are trained apart from it; null without any. */
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

  /** What a kernel of a whole block computes it from; null where something stands beside the weight that kernels do not know. */
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
