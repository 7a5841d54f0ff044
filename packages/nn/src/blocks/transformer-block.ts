import { tf } from '@subtext/tensor';

import type { FeedForward } from './feed-forward';
import { fusedBlock } from './fused-block';
import { flattened, lastPositions } from './last-positions';
import type { Normalisation } from './normalisation';
import type { AttentionInput, SelfAttention } from './self-attention';

export interface TransformerBlockOptions {
  /** Applied to the attention input. Default none. */
  attentionNorm?: Normalisation | null;
  attention: SelfAttention;
  /** Applied to the attention output, before the residual addition. Default none. */
  attentionOutputNorm?: Normalisation | null;
  /** Applied to the feed-forward input. Default none. */
  feedForwardNorm?: Normalisation | null;
  feedForward: FeedForward;
  /** Applied to the feed-forward output, before the residual addition. Default none. */
  feedForwardOutputNorm?: Normalisation | null;
}

/**
 * `h = x + outputNorm(attention(norm(x)))`, then the same with the feed-forward network. Norms may come before (GPT-2,
 * Llama), after (OLMo-2) or on both sides (Gemma 2 and 3).
 */
export class TransformerBlock {
  readonly attentionNorm: Normalisation | null;
  readonly attention: SelfAttention;
  readonly attentionOutputNorm: Normalisation | null;
  readonly feedForwardNorm: Normalisation | null;
  readonly feedForward: FeedForward;
  readonly feedForwardOutputNorm: Normalisation | null;

  constructor({
    attentionNorm = null,
    attention,
    attentionOutputNorm = null,
    feedForwardNorm = null,
    feedForward,
    feedForwardOutputNorm = null,
  }: TransformerBlockOptions) {
    this.attentionNorm = attentionNorm;
    this.attention = attention;
    this.attentionOutputNorm = attentionOutputNorm;
    this.feedForwardNorm = feedForwardNorm;
    this.feedForward = feedForward;
    this.feedForwardOutputNorm = feedForwardOutputNorm;
  }

  get window(): number | null {
    return this.attention.window;
  }

  /** `[batch, time, width]` to `[batch, outputPositions, width]`, by default all of them. */
  apply({ input, ...rest }: AttentionInput): tf.Tensor3D {
    const [batch, time, width] = input.shape;
    const { outputPositions = time } = rest;
    const whole =
      outputPositions === time && rest.onWeights === undefined ? fusedBlock({ block: this, input, ...rest }) : null;
    if (whole !== null) return whole;
    // Reshape once at each end, not around each operation.
    const rows = flattened(input);
    const kept = outputPositions === time ? rows : flattened(lastPositions({ states: input, count: outputPositions }));
    const attended = this.attention.applyToRows({ ...rest, rows: normalised(this.attentionNorm, rows), batch });
    const hidden: tf.Tensor2D = tf.add(kept, normalised(this.attentionOutputNorm, attended));
    const inner = this.feedForward.apply({ input: normalised(this.feedForwardNorm, hidden) });
    const output = tf.add(hidden, normalised(this.feedForwardOutputNorm, inner));
    return tf.reshape(output, [batch, outputPositions, width]) as tf.Tensor3D;
  }
}

function normalised(norm: Normalisation | null, input: tf.Tensor2D): tf.Tensor2D {
  return norm === null ? input : norm.apply({ input });
}
