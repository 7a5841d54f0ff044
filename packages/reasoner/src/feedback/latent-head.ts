import type { LanguageModel } from '@subtext/model';
import { linear, type Parameters, tf } from '@subtext/tensor';

import { withoutGradient } from '../forward/stop-gradient';

/** The least deviation, in units of the embeddings' scale: a likelihood has no bound where it is 0. */
const LEAST = 0.01;

/** The tensors of a latent head by name, with their shapes by the model's width and that between the layers. */
export const latentHeadShapes = (width: number, inner: number): Readonly<Record<string, readonly number[]>> => ({
  'hidden.weight': [inner, width],
  'hidden.bias': [inner],
  'mean.weight': [width, inner],
  'mean.bias': [width],
  'deviation.weight': [width, inner],
  'deviation.bias': [width],
});

/** What a latent head predicts of thoughts: a normal distribution of each number, `[..., width]`, in units of `scale`. */
export interface PredictedLatents {
  mean: tf.Tensor;
  deviation: tf.Tensor;
  /** The root mean square of all numbers of the model's embeddings as they are now; no gradient goes through it. */
  scale: tf.Scalar;
}

/**
 * CoLaR's latent head (arXiv 2505.16552): with `a = gelu(hidden · h + b)`, the mean `mean · a + b′` and the deviation
 * `0.01 + softplus(deviation · a + b″)` of the thought behind a state h, both in units of the embeddings' scale.
 */
export function predictLatents({
  model,
  parameters,
  states,
}: {
  model: LanguageModel;
  parameters: Parameters;
  /** `[..., width]` */ states: tf.Tensor;
}): PredictedLatents {
  const layer = (name: string, input: tf.Tensor, activation: 'gelu' | 'none') =>
    linear({
      input,
      weight: parameters.get(`${name}.weight`) as tf.Tensor2D,
      bias: parameters.get(`${name}.bias`) as tf.Tensor1D,
      layout: 'out-in',
      activation,
    });
  const inner = layer('hidden', states, 'gelu');
  return {
    mean: layer('mean', inner, 'none'),
    deviation: tf.add(tf.softplus(layer('deviation', inner, 'none')), LEAST),
    scale: embeddingScale(model),
  };
}

function embeddingScale(model: LanguageModel): tf.Scalar {
  const { vocabularySize } = model.dimensions;
  return tf.tidy(() => {
    const ids = tf.reshape(tf.range(0, vocabularySize, 1, 'int32'), [1, vocabularySize]) as tf.Tensor2D;
    return withoutGradient(() => tf.sqrt(tf.mean(tf.square(model.embed(ids))))) as tf.Scalar;
  });
}
