import { linear, tf, type LowRankWeights, type WeightLayout } from '@subtext/tensor';

/**
 * A low-rank update of a linear layer: `α/r · dropout(x) · Aᵀ · Bᵀ` with A `[rank, in]` and B `[out, rank]` (LoRA,
 * arXiv 2106.09685). Names and shapes follow PEFT's `lora_A.weight` and `lora_B.weight`, whatever the layout of the
 * base weight.
 */
export class LowRankAdapter {
  /** A, `[rank, in]`. */
  readonly down: tf.Variable;
  /** B, `[out, rank]`. */
  readonly up: tf.Variable;
  /** α/r, or α/√r for rank-stabilised LoRA. */
  readonly scaling: number;
  /** Dropout probability on the adapter's input during training. */
  readonly dropout: number;
  /** Whether the update is merged into the layer's weight; the adapter then adds nothing. */
  merged = false;
  /** Number of dropout masks drawn since seeding; the next mask depends on it. */
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

  /** Enables dropout with this seed (training), or disables it (null, the initial state). */
  setDropoutSeed(seed: number | null): void {
    this.#seed = seed;
    this.draws = 0;
  }

  /** The weights for a fused block kernel; null while dropout is on, which kernels do not support. */
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
    // Scaling before the up projection is cheaper: the tensor is only `rank` wide.
    return linear({ input: tf.mul(reduced, this.scaling), weight: this.up as tf.Tensor2D });
  }

  /** The weight update: `α/r · B · A`, `[out, in]`, or its transpose for the layout `in-out`. */
  weightChange({ layout }: { layout: WeightLayout }): tf.Tensor2D {
    const [down, up] = [this.down as tf.Tensor2D, this.up as tf.Tensor2D];
    return tf.tidy(() =>
      tf.mul(layout === 'out-in' ? tf.matMul(up, down) : tf.matMul(down, up, true, true), this.scaling),
    );
  }
}
