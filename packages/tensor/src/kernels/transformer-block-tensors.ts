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

/** How many of a block's layers, the first ones, are its attention's. */
const attentionLayers = 4;
/** How many of a block's tensors, the last ones, are those of adapters. */
export const adapterTensors = 14;

/**
 * All tensors of a block that may have gradients, always in the same order: input, norms and layers, then `down` and `up`
 * of each layer's adapter; null for what is absent.
 */
export function transformerBlockTensors(parts: TransformerBlockParts): (Tensor | null)[] {
  const { input, attentionNorm, feedForwardNorm } = parts;
  const layers = transformerBlockLayers(parts);
  // Without arrays on the way: generation asks for these several times a token.
  const tensors: (Tensor | null)[] = [input, attentionNorm.scale, attentionNorm.bias];
  for (let index = 0; index < attentionLayers; index++)
    tensors.push(layers[index]?.weight ?? null, layers[index]?.bias ?? null);
  tensors.push(feedForwardNorm.scale, feedForwardNorm.bias);
  for (let index = attentionLayers; index < layers.length; index++)
    tensors.push(layers[index]?.weight ?? null, layers[index]?.bias ?? null);
  for (const layer of layers) tensors.push(layer?.adapter?.down ?? null, layer?.adapter?.up ?? null);
  return tensors;
}
