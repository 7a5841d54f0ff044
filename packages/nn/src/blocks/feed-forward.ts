import { gatedActivation, tf, type Activation, type TransformerBlockParts } from '@subtext/tensor';
import type { LinearLayer } from './linear-layer';

/** The weights of a feed-forward network for a fused block kernel. */
export type FeedForwardWeights = Pick<TransformerBlockParts, 'gate' | 'up' | 'down' | 'activation'>;

/** The feed-forward network of a block, applied at each position; the shape `[..., width]` is unchanged. */
export interface FeedForward {
  /** The weights for a fused block kernel; null or absent if it cannot be fused. */
  kernelWeights?(): FeedForwardWeights | null;
  apply<Shape extends tf.Tensor>(options: { input: Shape }): Shape;
}

/** `down(activation(up(x)))`: GPT-2, CLIP, SigLIP. */
export class PlainFeedForward implements FeedForward {
  readonly up: LinearLayer;
  readonly down: LinearLayer;
  readonly activation: Activation;

  constructor({ up, down, activation }: { up: LinearLayer; down: LinearLayer; activation: Activation }) {
    this.up = up;
    this.down = down;
    this.activation = activation;
  }

  kernelWeights(): FeedForwardWeights | null {
    const [up, down] = [this.up.kernelWeights(), this.down.kernelWeights()];
    return up && down && { gate: null, up, down, activation: this.activation };
  }

  apply<Shape extends tf.Tensor>({ input }: { input: Shape }): Shape {
    return this.down.apply({ input: this.up.apply({ input, activation: this.activation }) });
  }
}

/** `down(activation(gate(x)) · up(x))`: Llama and related models (SwiGLU with `silu`, arXiv 2002.05202). */
export class GatedFeedForward implements FeedForward {
  readonly gate: LinearLayer;
  readonly up: LinearLayer;
  readonly down: LinearLayer;
  readonly activation: Activation;

  constructor({
    gate,
    up,
    down,
    activation,
  }: {
    gate: LinearLayer;
    up: LinearLayer;
    down: LinearLayer;
    activation: Activation;
  }) {
    this.gate = gate;
    this.up = up;
    this.down = down;
    this.activation = activation;
  }

  kernelWeights(): FeedForwardWeights | null {
    const [gate, up, down] = [this.gate, this.up, this.down].map((layer) => layer.kernelWeights());
    return gate && up && down ? { gate, up, down, activation: this.activation } : null;
  }

  apply<Shape extends tf.Tensor>({ input }: { input: Shape }): Shape {
    const gate = this.gate.apply({ input });
    const up = this.up.apply({ input });
    return this.down.apply({ input: gatedActivation({ gate, up, activation: this.activation }) as Shape });
  }
}

/** A gated feed-forward network with gate and up projections fused into one linear layer: Phi-3's `gate_up_proj`. */
export class FusedGatedFeedForward implements FeedForward {
  readonly gateUp: LinearLayer;
  readonly down: LinearLayer;
  readonly activation: Activation;

  constructor({ gateUp, down, activation }: { gateUp: LinearLayer; down: LinearLayer; activation: Activation }) {
    this.gateUp = gateUp;
    this.down = down;
    this.activation = activation;
  }

  apply<Shape extends tf.Tensor>({ input }: { input: Shape }): Shape {
    const [gate, up] = tf.split(this.gateUp.apply({ input }), 2, -1) as [Shape, Shape];
    return this.down.apply({ input: gatedActivation({ gate, up, activation: this.activation }) as Shape });
  }
}
