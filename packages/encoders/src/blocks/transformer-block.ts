import { tf } from '@subtext/tensor';
import type { FeedForward } from './feed-forward';
import { fusedBlock } from './fused-block';
import { flattened, lastPositions } from './last-positions';
import type { Normalisation } from './normalisation';
import type { AttentionInput, SelfAttention } from './self-attention';

/** A pre-norm block: `h = x + attention(norm(x))`, then `h + feedForward(norm(h))`. */
export class TransformerBlock {
  readonly attentionNorm: Normalisation;
  readonly attention: SelfAttention;
  readonly feedForwardNorm: Normalisation;
  readonly feedForward: FeedForward;

  constructor({
    attentionNorm,
    attention,
    feedForwardNorm,
    feedForward,
  }: {
    attentionNorm: Normalisation;
    attention: SelfAttention;
    feedForwardNorm: Normalisation;
    feedForward: FeedForward;
  }) {
    this.attentionNorm = attentionNorm;
    this.attention = attention;
    this.feedForwardNorm = feedForwardNorm;
    this.feedForward = feedForward;
  }

  /** `[batch, time, width]` to `[batch, outputPositions, width]`, by default all of them. */
  apply({ input, ...rest }: AttentionInput): tf.Tensor3D {
    const [batch, time, width] = input.shape;
    const { outputPositions = time } = rest;
    const whole = outputPositions === time ? fusedBlock({ block: this, input, ...rest }) : null;
    if (whole !== null) return whole;
    // Norms, products and sums see rows: one reshape at each end, not two around each of them.
    const rows = flattened(input);
    const kept = outputPositions === time ? rows : flattened(lastPositions(input, outputPositions));
    const hidden = tf.add(
      kept,
      this.attention.applyToRows({ ...rest, rows: this.attentionNorm.apply({ input: rows }), batch }),
    ) as tf.Tensor2D;
    const output = tf.add(hidden, this.feedForward.apply({ input: this.feedForwardNorm.apply({ input: hidden }) }));
    return tf.reshape(output, [batch, outputPositions, width]) as tf.Tensor3D;
  }
}
