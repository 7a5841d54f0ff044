import { recomputed, tf } from '@subtext/tensor';

import type { AttentionInput } from './self-attention';
import type { ModelStructure } from '../weights/parameter-scope';
import type { KeyValueCache } from './key-value-cache';
import type { RotaryAngles } from './rotary-embedding';

/** A block of a stack: {@link TransformerBlock}, or a family's own. */
export interface Block {
  /** How many positions it looks at, its own among them (a sliding window); null or absent: all before. */
  readonly window?: number | null;
  apply(options: AttentionInput): tf.Tensor3D;
}

/**
 * Runs a stack of blocks, one after another, each with its own rotation where `rotary` is a list. Where only the last
 * positions are asked for, the last block computes no others.
 * `hiddenStates` holds the input and each block's output, `blocks + 1` in all, where it is asked for.
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
  /** The same for all blocks, or one for each; null where nothing is rotated. Default null. */
  rotary?: RotaryAngles | null | readonly (RotaryAngles | null)[];
  cache?: KeyValueCache | null;
  /** Default false. */
  outputHiddenStates?: boolean;
  /**
   * The structure of a model whose blocks are computed again in the backward pass, so that of each only its input is kept
   * (gradient checkpointing); not over a cache. Default null: what a gradient needs is kept.
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

/** A block of which the backward pass computes again what it needs. */
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
  // It lives on in the caller's scope.
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
