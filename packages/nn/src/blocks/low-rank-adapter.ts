import { linear, tf, type LowRankWeights, type WeightLayout } from '@subtext/tensor';

/**
 * A low-rank addition to a linear layer: `α/r · dropout(x) · Aᵀ · Bᵀ` with A `[rank, in]` and B `[out, rank]`
 * (LoRA, arXiv 2106.09685). The names and shapes are PEFT's `lora_A.weight` and `lora_B.weight`, whatever the layout
 * of the layer it stands on.
 */
export class LowRankAdapter {
  /** A, `[rank, in]`. */
  readonly down: tf.Variable;
  /** B, `[out, rank]`. */
  readonly up: tf.Variable;
  /** α/r, or α/√r for rank-stabilised adapters. */
  readonly scaling: number;
  /** Share of the adapter's inputs that are zeroed while training. */
  readonly dropout: number;
  /** Whether the layer's weight holds the addition already; the adapter then adds nothing. */
  merged = false;
  /** How many draws of dropout there have been since it was seeded: the next one follows from it. */
  draws = 0;
  #seed: number | null = null;

  constructor({
    down,
    up,
    scaling,
    dropout = 0,
  }: {
    down: tf.Variable;
    up: tf.Variable;
    scaling: number;
    dropout?: number;
  }) {
    this.down = down;
    this.up = up;
    this.scaling = scaling;
    this.dropout = dropout;
  }

  /** Seeds the dropout of the calls that follow (training), or turns dropout off (null, the state at the start). */
  setDropoutSeed(seed: number | null): void {
    this.#seed = seed;
    this.draws = 0;
  }

  /** What a kernel of a whole block computes it from; null where inputs are dropped, which kernels do not. */
  kernelWeights(): LowRankWeights | null {
    if (this.dropout > 0 && this.#seed !== null) return null;
    return { down: this.down as tf.Tensor2D, up: this.up as tf.Tensor2D, scaling: this.scaling };
  }

  /** `[..., in]` to `[..., out]`. */
  apply({ input }: { input: tf.Tensor }): tf.Tensor {
    const dropped =
      this.dropout > 0 && this.#seed !== null
        ? tf.dropout(input, this.dropout, undefined, this.#seed + 7919 * this.draws++)
        : input;
    const reduced = linear({ input: dropped, weight: this.down as tf.Tensor2D });
    // Scaling the narrow tensor costs rank/out of scaling the wide one.
    return linear({ input: tf.mul(reduced, this.scaling), weight: this.up as tf.Tensor2D });
  }

  /** What merging adds to the weight: `α/r · B · A`, `[out, in]`, or its transpose for the layout `in-out`. */
  weightChange({ layout }: { layout: WeightLayout }): tf.Tensor2D {
    const [down, up] = [this.down as tf.Tensor2D, this.up as tf.Tensor2D];
    return tf.tidy(() =>
      tf.mul(layout === 'out-in' ? tf.matMul(up, down) : tf.matMul(down, up, true, true), this.scaling),
    );
  }
}
