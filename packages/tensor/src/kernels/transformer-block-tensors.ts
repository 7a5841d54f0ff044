import type { Tensor } from '@tensorflow/tfjs-core';
import type { LinearWeights, TransformerBlockParts } from './kernels';

/** The layers of a block in order: query (or packed), key, value, output, gate, up, down. */
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

/** Number of attention layers, which come first. */
const attentionLayers = 4;
/** Number of adapter tensors, which come last. */
export const adapterTensors = 14;

/**
 * All tensors of a block that may have gradients, in a fixed order: input, norms and layers, then `down` and `up` of each
 * layer's adapter; null for absent ones.
 */
export function transformerBlockTensors(parts: TransformerBlockParts): (Tensor | null)[] {
  const { input, attentionNorm, feedForwardNorm } = parts;
  const layers = transformerBlockLayers(parts);
  // Avoids temporary arrays: generation calls this several times per token.
  const tensors: (Tensor | null)[] = [input, attentionNorm.scale, attentionNorm.bias];
  for (let index = 0; index < attentionLayers; index++)
    tensors.push(layers[index]?.weight ?? null, layers[index]?.bias ?? null);
  tensors.push(feedForwardNorm.scale, feedForwardNorm.bias);
  for (let index = attentionLayers; index < layers.length; index++)
    tensors.push(layers[index]?.weight ?? null, layers[index]?.bias ?? null);
  for (const layer of layers) tensors.push(layer?.adapter?.down ?? null, layer?.adapter?.up ?? null);
  return tensors;
}
