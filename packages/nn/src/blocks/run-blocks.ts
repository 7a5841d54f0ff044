import { tf } from '@subtext/tensor';

import type { AttentionInput } from './self-attention';
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
  ...attention
}: Omit<AttentionInput, 'cache' | 'rotary'> & {
  blocks: readonly Block[];
  /** The same for all blocks, or one for each; null where nothing is rotated. Default null. */
  rotary?: RotaryAngles | null | readonly (RotaryAngles | null)[];
  cache?: KeyValueCache | null;
  /** Default false. */
  outputHiddenStates?: boolean;
}): { hidden: tf.Tensor3D; hiddenStates: tf.Tensor3D[] | null } {
  let hidden = input;
  const hiddenStates = outputHiddenStates ? [input] : null;
  for (const [index, block] of blocks.entries()) {
    hidden = block.apply({
      input: hidden,
      cache: cache?.layer(index) ?? null,
      rotary: rotary !== null && 'cos' in rotary ? rotary : (rotary?.[index] ?? null),
      ...attention,
      ...(index === blocks.length - 1 && { outputPositions }),
    });
    hiddenStates?.push(hidden);
  }
  return { hidden, hiddenStates };
}
