import { tf } from '@subtext/tensor';
import type { FeedForward } from './feed-forward';
import { lastPositions } from './last-positions';
import type { Normalisation } from './normalisation';
import type { AttentionInput, SelfAttention } from './self-attention';

/** A pre-norm block: `h = x + attention(norm(x))`, then `h + feedForward(norm(h))`. */
export class TransformerBlock {
  readonly attentionNorm: Normalisation;
  readonly attention: SelfAttention;
  readonly feedForwardNorm: Normalisation;
  readonly feedForward: FeedForward;

  constructor({ attentionNorm, attention, feedForwardNorm, feedForward }: { attentionNorm: Normalisation; attention: SelfAttention; feedForwardNorm: Normalisation; feedForward: FeedForward }) {
    this.attentionNorm = attentionNorm;
    this.attention = attention;
    this.feedForwardNorm = feedForwardNorm;
    this.feedForward = feedForward;
  }

  /** `[batch, time, width]` to `[batch, outputPositions, width]`, by default all of them. */
  apply({ input, ...rest }: AttentionInput): tf.Tensor3D {
    const hidden = tf.add(lastPositions(input, rest.outputPositions ?? input.shape[1]), this.attention.apply({ input: this.attentionNorm.apply({ input }), ...rest })) as tf.Tensor3D;
    return tf.add(hidden, this.feedForward.apply({ input: this.feedForwardNorm.apply({ input: hidden }) })) as tf.Tensor3D;
  }
}
