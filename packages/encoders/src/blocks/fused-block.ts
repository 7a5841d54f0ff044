import { fusedKernels, tf, type LinearWeights, type NormWeights } from '@subtext/tensor';
import { FusedProjection, SeparateProjections, type AttentionProjection } from './attention-projections';
import { GatedFeedForward, PlainFeedForward } from './feed-forward';
import type { LinearLayer } from './linear-layer';
import { LayerNormLayer, RmsNormLayer, type Normalisation } from './normalisation';
import type { AttentionInput } from './self-attention';
import type { TransformerBlock } from './transformer-block';

/**
 * A block over a cache as one call of the engine, where it has such a kernel and the block is of the ordinary kind: no
 * gradients, no adapter beside the weights, no norms of single heads. Null where it has to go operation by operation.
 */
export function fusedBlock({ block, input, keyValueInput, rotary = null, causal = false, mask = null, cache = null }: AttentionInput & { block: TransformerBlock }): tf.Tensor3D | null {
  const kernel = fusedKernels().decoderBlock;
  if (!kernel || !cache?.reserve || keyValueInput !== undefined || tf.engine().isTapeOn()) return null;
  const { attention, feedForward } = block;
  const attentionNorm = normWeights(block.attentionNorm);
  const feedForwardNorm = normWeights(block.feedForwardNorm);
  const projections = projectionWeights(attention.projection);
  const output = linearWeights(attention.output);
  const inner = feedForward instanceof PlainFeedForward || feedForward instanceof GatedFeedForward ? feedForward : null;
  const gate = inner instanceof GatedFeedForward ? linearWeights(inner.gate) : null;
  const up = inner && linearWeights(inner.up);
  const down = inner && linearWeights(inner.down);
  if (!attentionNorm || !feedForwardNorm || !projections || !output || !inner || !up || !down || (inner instanceof GatedFeedForward && !gate)) return null;
  const [, time] = input.shape;
  const buffers = cache.reserve({ time });
  const headWidth = (buffers.key.shape[2] as number) / attention.keyValueHeads;
  return kernel({
    input,
    attentionNorm,
    projections,
    output,
    feedForwardNorm,
    gate,
    up,
    down,
    activation: inner.activation,
    heads: attention.heads,
    keyValueHeads: attention.keyValueHeads,
    causal,
    mask: mask === null || mask.dtype === 'int32' ? mask : tf.cast(mask, 'int32'),
    scale: attention.scale ?? 1 / Math.sqrt(headWidth),
    rotary,
    cache: buffers,
  });
}

function linearWeights(layer: LinearLayer): LinearWeights | null {
  if (layer.adapter !== null && !layer.adapter.merged) return null;
  return { weight: layer.weight.value as tf.Tensor2D, bias: (layer.bias?.value as tf.Tensor1D | undefined) ?? null, layout: layer.layout };
}

function normWeights(norm: Normalisation): NormWeights | null {
  if (norm instanceof LayerNormLayer) return { scale: norm.weight.value as tf.Tensor1D, bias: norm.bias.value as tf.Tensor1D, epsilon: norm.epsilon };
  if (norm instanceof RmsNormLayer) return { scale: norm.weight.value as tf.Tensor1D, bias: null, epsilon: norm.epsilon };
  return null;
}

function projectionWeights(projection: AttentionProjection): { packed: LinearWeights } | { query: LinearWeights; key: LinearWeights; value: LinearWeights } | null {
  if (projection instanceof FusedProjection) {
    const packed = linearWeights(projection.queryKeyValue);
    return packed && { packed };
  }
  if (!(projection instanceof SeparateProjections) || projection.queryNorm !== null || projection.keyNorm !== null) return null;
  const [query, key, value] = [linearWeights(projection.query), linearWeights(projection.key), linearWeights(projection.value)];
  return query && key && value && { query, key, value };
}
