import type { Tensor } from '@tensorflow/tfjs-core';
import type { LinearWeights, TransformerBlockParts } from './kernels';

/** The layers of a block in their order: those that make queries (or all three, packed), keys and values, then output, gate, up and down. */
export function transformerBlockLayers({
  projections,
  output,
  gate,
  up,
  down,
}: TransformerBlockParts): (LinearWeights | null)[] {
  const [query, key, value] =
    'packed' in projections
      ? [projections.packed, null, null]
      : [projections.query, projections.key, projections.value];
  return [query, key, value, output, gate, up, down];
}

/** How many of a block's tensors, the last ones, are those of adapters. */
export const adapterTensors = 14;

/**
 * All tensors of a block that may have gradients, always in the same order: input, norms and layers, then `down` and `up`
 * of each layer's adapter; null for what is absent.
 */
export function transformerBlockTensors(parts: TransformerBlockParts): (Tensor | null)[] {
  const [query, key, value, output, gate, up, down] = transformerBlockLayers(parts).map((layer) => [
    layer?.weight ?? null,
    layer?.bias ?? null,
  ]) as [Tensor | null, Tensor | null][];
  const { input, attentionNorm, feedForwardNorm } = parts;
  return [
    input,
    attentionNorm.scale,
    attentionNorm.bias,
    ...query!,
    ...key!,
    ...value!,
    ...output!,
    feedForwardNorm.scale,
    feedForwardNorm.bias,
    ...gate!,
    ...up!,
    ...down!,
    ...transformerBlockLayers(parts).flatMap((layer) => [layer?.adapter?.down ?? null, layer?.adapter?.up ?? null]),
  ];
}
