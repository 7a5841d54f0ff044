import {
  decoderBlock,
  tf,
  transformerBlock,
  transformerBlockTensors,
  type LinearWeights,
  type NormWeights,
  type TransformerBlockParts,
} from '@subtext/tensor';

import { FusedProjection, SeparateProjections, type AttentionProjection } from './attention-projections';
import { GatedFeedForward, PlainFeedForward } from './feed-forward';
import type { LinearLayer } from './linear-layer';
import { LayerNormLayer, RmsNormLayer, type Normalisation } from './normalisation';
import type { AttentionInput } from './self-attention';
import type { TransformerBlock } from './transformer-block';

/**
 * A block as one call of the engine, where it has such a kernel and the block is of the ordinary kind: no adapter beside
 * the weights, no norms of queries and keys or of a part's output. Over a cache that is without gradients; without a cache
 * with them, if the block trains as a whole. Null where it has to go operation by operation.
 */
export function fusedBlock({
  block,
  keyValueInput,
  mask: given = null,
  windowMasks = null,
  cache = null,
  ...rest
}: AttentionInput & { block: TransformerBlock }): tf.Tensor3D | null {
  const recording = tf.engine().isTapeOn();
  if (keyValueInput !== undefined || (cache !== null && (!cache.reserve || recording))) return null;
  const { mask, window } = block.attention.windowed({ mask: given, windowMasks });
  const parts = blockParts({ block, window, ...rest });
  if (parts === null) return null;
  const seen = mask === null || mask.dtype === 'int32' ? mask : tf.cast(mask, 'int32');
  if (cache !== null) return decoderBlock({ ...parts, mask: seen, reserve: (options) => cache.reserve!(options) });
  return recording && !trainsWhole(parts) ? null : transformerBlock({ ...parts, mask: seen });
}

function blockParts({
  block,
  input,
  rotary = null,
  causal = false,
  window,
}: Pick<AttentionInput, 'input' | 'rotary' | 'causal'> & {
  block: TransformerBlock;
  window: number | null;
}): TransformerBlockParts | null {
  const { attention, feedForward } = block;
  if (block.attentionOutputNorm !== null || block.feedForwardOutputNorm !== null) return null;
  const attentionNorm = normWeights(block.attentionNorm);
  const feedForwardNorm = normWeights(block.feedForwardNorm);
  const projections = projectionWeights(attention.projection);
  const output = linearWeights(attention.output);
  const inner = feedForward instanceof PlainFeedForward || feedForward instanceof GatedFeedForward ? feedForward : null;
  const gate = inner instanceof GatedFeedForward ? linearWeights(inner.gate) : null;
  const up = inner && linearWeights(inner.up);
  const down = inner && linearWeights(inner.down);
  if (
    !attentionNorm ||
    !feedForwardNorm ||
    !projections ||
    !output ||
    !inner ||
    !up ||
    !down ||
    (inner instanceof GatedFeedForward && !gate)
  )
    return null;
  const { heads, keyValueHeads } = attention;
  const headWidth = attention.output.inputWidth / heads;
  return {
    input,
    attentionNorm,
    projections,
    output,
    feedForwardNorm,
    gate,
    up,
    down,
    activation: inner.activation,
    heads,
    keyValueHeads,
    causal,
    scale: attention.scale ?? 1 / Math.sqrt(headWidth),
    softCap: attention.softCap,
    window,
    rotary,
    rotaryDimensions: attention.rotaryDimensions,
    rotaryLayout: attention.rotaryLayout,
  };
}

/** Whether every weight wants its gradient: the engine computes all of them together. */
function trainsWhole(parts: TransformerBlockParts): boolean {
  return transformerBlockTensors(parts).every(
    (tensor) => tensor === null || tensor === parts.input || (tensor as tf.Variable).trainable,
  );
}

function linearWeights(layer: LinearLayer): LinearWeights | null {
  if (layer.adapter !== null && !layer.adapter.merged) return null;
  return {
    weight: layer.weight.value as tf.Tensor2D,
    bias: (layer.bias?.value as tf.Tensor1D | undefined) ?? null,
    layout: layer.layout,
  };
}

function normWeights(norm: Normalisation | null): NormWeights | null {
  if (norm instanceof LayerNormLayer)
    return { scale: norm.weight.value as tf.Tensor1D, bias: norm.bias.value as tf.Tensor1D, epsilon: norm.epsilon };
  if (norm instanceof RmsNormLayer) return { scale: norm.scale, bias: null, epsilon: norm.epsilon };
  return null;
}

function projectionWeights(
  projection: AttentionProjection,
): { packed: LinearWeights } | { query: LinearWeights; key: LinearWeights; value: LinearWeights } | null {
  if (projection instanceof FusedProjection) {
    // The kernels are tried with three equal parts.
    if (projection.widths[0] !== projection.widths[1]) return null;
    const packed = linearWeights(projection.queryKeyValue);
    return packed && { packed };
  }
  if (!(projection instanceof SeparateProjections) || projection.queryNorm !== null || projection.keyNorm !== null)
    return null;
  const [query, key, value] = [
    linearWeights(projection.query),
    linearWeights(projection.key),
    linearWeights(projection.value),
  ];
  return query && key && value && { query, key, value };
}
