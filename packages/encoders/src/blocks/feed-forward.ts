import { gatedActivation, type Activation, type tf } from '@subtext/tensor';
import type { LinearLayer } from './linear-layer';

/** The position-wise part of a block: `[..., width]` to the same. */
export interface FeedForward {
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

  apply<Shape extends tf.Tensor>({ input }: { input: Shape }): Shape {
    return this.down.apply({ input: this.up.apply({ input, activation: this.activation }) });
  }
}

/** `down(activation(gate(x)) · up(x))`: Llama, Qwen2 (SwiGLU with `silu`, arXiv 2002.05202). */
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

  apply<Shape extends tf.Tensor>({ input }: { input: Shape }): Shape {
    const gate = this.gate.apply({ input });
    const up = this.up.apply({ input });
    return this.down.apply({ input: gatedActivation({ gate, up, activation: this.activation }) as Shape });
  }
}
