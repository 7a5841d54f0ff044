import { recomputed, tf } from '@subtext/tensor';

import type { AttentionInput } from './self-attention';
import type { ModelStructure } from '../weights/parameter-scope';
import type { KeyValueCache } from './key-value-cache';
import type { RotaryAngles } from './rotary-embedding';

/** A block of a stack: {@link TransformerBlock} or one specific to a model family. */
export interface Block {
  /** Size of the sliding window, including the position itself; null or absent: full attention. */
  readonly window?: number | null;
  apply(options: AttentionInput): tf.Tensor3D;
}

/**
 * Runs a stack of blocks in order. `rotary` may be a list with one entry per block. If only the last positions are
 * requested, the last block computes only those. `hiddenStates`, on request, holds the input and each block's output:
 * `blocks + 1` tensors.
 */
export function runBlocks({
  blocks,
  input,
  cache = null,
  outputHiddenStates = false,
  outputPositions,
  rotary = null,
  recompute = null,
  ...attention
}: Omit<AttentionInput, 'cache' | 'rotary'> & {
  blocks: readonly Block[];
  /** Shared by all blocks, or one per block; null: no rotary embedding. Default null. */
  rotary?: RotaryAngles | null | readonly (RotaryAngles | null)[];
  cache?: KeyValueCache | null;
  /** Default false. */
  outputHiddenStates?: boolean;
  /**
   * Structure of a model to run with gradient checkpointing: only each block's input is kept, and the rest is
   * recomputed in the backward pass. Cannot be used with a cache. Default null: activations are kept.
   */
  recompute?: ModelStructure | null;
}): { hidden: tf.Tensor3D; hiddenStates: tf.Tensor3D[] | null } {
  let hidden = input;
  const hiddenStates = outputHiddenStates ? [input] : null;
  for (const [index, block] of blocks.entries()) {
    const options = {
      input: hidden,
      rotary: rotary !== null && 'cos' in rotary ? rotary : (rotary?.[index] ?? null),
      ...attention,
      ...(index === blocks.length - 1 && { outputPositions }),
    };
    const { keyValueInput, onWeights } = attention;
    const again = cache === null && keyValueInput === undefined && onWeights === undefined ? recompute : null;
    hidden =
      again === null
        ? block.apply({ ...options, cache: cache?.layer(index) ?? null })
        : recomputedBlock({ block, structure: again, ...options });
    hiddenStates?.push(hidden);
  }
  return { hidden, hiddenStates };
}

/** Runs a block with gradient checkpointing. */
function recomputedBlock({
  block,
  structure,
  input,
  rotary = null,
  mask = null,
  windowMasks = null,
  ...rest
}: AttentionInput & { block: Block; structure: ModelStructure }): tf.Tensor3D {
  const { window = null } = block;
  // It belongs to the caller's scope.
  const windowMask = window === null ? undefined : windowMasks?.of(window);
  let draws: (() => void) | null = null;
  return recomputed<Record<string, tf.Tensor>, tf.Tensor3D>({
    tensors: { input, ...rotary, ...(mask && { mask }), ...(windowMask && { windowMask }) },
    compute: ({ input: own, mask: seen = null, windowMask: inWindow, cos, sin }) => {
      const before = structure.markDraws();
      const again = draws !== null;
      if (again) draws!();
      else draws = before;
      const output = block.apply({
        input: own as tf.Tensor3D,
        mask: seen,
        rotary: cos && sin ? { cos: cos as tf.Tensor3D, sin: sin as tf.Tensor3D } : null,
        windowMasks: inWindow ? { of: () => inWindow as tf.Tensor3D } : windowMasks,
        ...rest,
      });
      if (again) before();
      return output;
    },
  });
}
