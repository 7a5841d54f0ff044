import {
  decoderBlock,
  tf,
  transformerBlock,
  transformerBlockTensors,
  type TransformerBlockParts,
} from '@subtext/tensor';

import type { AttentionInput } from './self-attention';
import type { TransformerBlock } from './transformer-block';

/**
 * A block as one call of the engine, where it has such a kernel and every part of the block says what a kernel computes it
 * from: none has an adapter beside its weights, norms of queries and keys, or a norm of its output. Over a cache that is
 * without gradients; without a cache with them, if the block trains as a whole. Null where it has to go operation by operation.
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
  if (block.attentionOutputNorm !== null || block.feedForwardOutputNorm !== null) return null;
  const { attention } = block;
  const attentionNorm = block.attentionNorm?.kernelWeights?.() ?? null;
  const feedForwardNorm = block.feedForwardNorm?.kernelWeights?.() ?? null;
  const projections = attention.projection.kernelWeights?.() ?? null;
  const output = attention.output.kernelWeights();
  const feedForward = block.feedForward.kernelWeights?.() ?? null;
  if (!attentionNorm || !feedForwardNorm || !projections || !output || !feedForward) return null;
  const { heads, keyValueHeads, softCap, rotaryDimensions, rotaryLayout } = attention;
  const scale = attention.scale ?? Math.sqrt(heads / attention.output.inputWidth);
  const weights = { attentionNorm, projections, output, feedForwardNorm, ...feedForward };
  return {
    input,
    ...weights,
    ...{ heads, keyValueHeads, causal, scale, softCap, window, rotary, rotaryDimensions, rotaryLayout },
  };
}

/** Whether every weight wants its gradient: the engine computes all of them together. */
function trainsWhole(parts: TransformerBlockParts): boolean {
  return transformerBlockTensors(parts).every(
    (tensor) => tensor === null || tensor === parts.input || (tensor as tf.Variable).trainable,
  );
}
