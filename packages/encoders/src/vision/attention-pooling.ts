import { PlainFeedForward, LinearLayer, LayerNormLayer, type ParameterHandle, type ParameterScope } from '@subtext/nn';
import { attention, linear, tf, type Activation } from '@subtext/tensor';

/**
 * SigLIP's pooling: a learned query attends to all patches, followed by a residual feed-forward layer.
 * `h = attention(probe, x, x)`, `output = h + feedForward(norm(h))`. The projections are packed in one weight, as in
 * PyTorch's `MultiheadAttention`.
 */
export class AttentionPooling {
  readonly probe: ParameterHandle;
  readonly inputWeight: ParameterHandle;
  readonly inputBias: ParameterHandle;
  readonly output: LinearLayer;
  readonly norm: LayerNormLayer;
  readonly feedForward: PlainFeedForward;
  readonly #heads: number;
  readonly #width: number;

  constructor({
    scope,
    width,
    innerWidth,
    heads,
    activation,
    epsilon,
    deviation,
  }: {
    scope: ParameterScope;
    width: number;
    innerWidth: number;
    heads: number;
    activation: Activation;
    epsilon: number;
    deviation: number;
  }) {
    const initialisation = { kind: 'normal', deviation } as const;
    this.probe = scope.declare({ name: 'probe', shape: [1, 1, width], initialisation });
    this.inputWeight = scope.declare({ name: 'attention.in_proj_weight', shape: [3 * width, width], initialisation });
    this.inputBias = scope.declare({
      name: 'attention.in_proj_bias',
      shape: [3 * width],
      initialisation: { kind: 'zeros' },
    });
    this.output = new LinearLayer({
      scope: scope.child('attention.out_proj'),
      inputWidth: width,
      outputWidth: width,
      initialisation,
    });
    this.norm = new LayerNormLayer({ scope: scope.child('layernorm'), width, epsilon });
    this.feedForward = new PlainFeedForward({
      up: new LinearLayer({
        scope: scope.child('mlp.fc1'),
        inputWidth: width,
        outputWidth: innerWidth,
        initialisation,
      }),
      down: new LinearLayer({
        scope: scope.child('mlp.fc2'),
        inputWidth: innerWidth,
        outputWidth: width,
        initialisation,
      }),
      activation,
    });
    this.#heads = heads;
    this.#width = width;
  }

  /** `[images, tokens, width]` → `[images, width]`. */
  apply({ input }: { input: tf.Tensor3D }): tf.Tensor2D {
    const width = this.#width;
    const [images, tokens] = input.shape;
    const weight = this.inputWeight.value as tf.Tensor2D;
    const bias = this.inputBias.value as tf.Tensor1D;
    const query = linear({
      input: this.probe.value as tf.Tensor3D,
      weight: tf.slice(weight, [0, 0], [width, width]),
      bias: tf.slice(bias, [0], [width]),
    });
    const keyValue = linear({
      input,
      weight: tf.slice(weight, [width, 0], [2 * width, width]),
      bias: tf.slice(bias, [width], [2 * width]),
    });
    const pooled = attention({
      query: tf.tile(query, [images, 1, 1]),
      key: tf.slice(keyValue, [0, 0, 0], [images, tokens, width]),
      value: tf.slice(keyValue, [0, 0, width], [images, tokens, width]),
      heads: this.#heads,
    });
    const hidden = this.output.apply({ input: pooled });
    const sum = tf.add(hidden, this.feedForward.apply({ input: this.norm.apply({ input: hidden }) }));
    return tf.reshape(sum, [images, width]) as tf.Tensor2D;
  }
}
