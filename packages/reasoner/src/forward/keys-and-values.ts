import type { LanguageModel } from '@subtext/model';
import { tf } from '@subtext/tensor';

/** A layer's keys and values, as a cache holds them: keys rotated by their positions where a model rotates. `[rows · time, keyValueWidth]` each. */
export interface KeysAndValues {
  key: tf.Tensor2D;
  value: tf.Tensor2D;
}

/** What a growing cache holds, layer by layer; gradients pass. */
export function cachedRows({
  model,
  cache,
}: {
  model: LanguageModel;
  /** Of `model.newGrowingCache`, after its passes. */
  cache: ReturnType<LanguageModel['newGrowingCache']>;
}): KeysAndValues[] {
  const flat = (tensor: tf.Tensor3D) =>
    tf.reshape(tensor, [tensor.shape[0] * tensor.shape[1], tensor.shape[2]]) as tf.Tensor2D;
  const layers = model.cachedLayers ?? Array.from({ length: model.dimensions.layers }, (_, layer) => layer);
  return layers.map((layer) => {
    const { key, value } = cache.layer(layer).grown!.past!;
    return { key: flat(key), value: flat(value) };
  });
}
