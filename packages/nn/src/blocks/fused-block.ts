import {
  adapterTensors,
  continuedBlock,
  decoderBlock,
  tf,
  transformerBlock,
  transformerBlockTensors,
  type TransformerBlockParts,
} from '@subtext/tensor';

import type { AttentionInput } from './self-attention';
import type { TransformerBlock } from './transformer-block';

/**
 * Runs a block as a single fused kernel if the engine has one and every part of the block supplies its kernel weights:
 * no adapter with dropout or separate token rows, no query or key norms, no output norms. With a preallocated cache it
 * runs without gradients; with a growing cache or none, with gradients, provided that either all weights of the block
 * train or only its adapters do. Returns null if the block must run operation by operation.
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
  if (keyValueInput !== undefined || (cache !== null && !cache.grown && (!cache.reserve || recording))) return null;
  const { mask, window } = block.attention.windowed({ mask: given, windowMasks });
  const parts = blockParts({ block, window, ...rest });
  if (parts === null) return null;
  const seen = mask === null || mask.dtype === 'int32' ? mask : tf.cast(mask, 'int32');
  if (cache !== null && !cache.grown)
    return decoderBlock({ ...parts, mask: seen, reserve: (options) => cache.reserve!(options) });
  const asked = recording ? training(parts) : {};
  if (asked === null) return null;
  if (cache === null) return transformerBlock({ ...parts, ...asked, mask: seen });
  const made = continuedBlock({ ...parts, ...asked, mask: seen, past: cache.grown!.past });
  if (made !== null) cache.grown!.replace({ key: made.key, value: made.value });
  return made && made.output;
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

/**
 * Which gradients the kernel computes: those of all weights, or only those of the input and of adapters over frozen
 * weights. Null if the block mixes trainable and frozen weights.
 */
function training(parts: TransformerBlockParts): { frozen: boolean } | null {
  const tensors = transformerBlockTensors(parts).slice(1);
  const trains = (tensor: tf.Tensor | null) => tensor === null || (tensor as tf.Variable).trainable;
  const rests = (tensor: tf.Tensor | null) => tensor === null || !(tensor as tf.Variable).trainable;
  const [weights, adapters] = [tensors.slice(0, -adapterTensors), tensors.slice(-adapterTensors)];
  if (!adapters.every(trains)) return null;
  if (weights.every(trains)) return { frozen: false };
  return weights.every(rests) ? { frozen: true } : null;
}
