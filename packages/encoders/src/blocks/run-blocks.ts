import { tf } from '@subtext/tensor';
import type { AttentionInput } from './self-attention';
import type { KeyValueCache } from './key-value-cache';

/** A block of a stack: {@link TransformerBlock}, or a family's own. */
export interface Block {
  apply(options: AttentionInput): tf.Tensor3D;
}

/**
 * Runs a stack of blocks, one after another. Where only the last positions are asked for, the last block computes no others.
 * `hiddenStates` holds the input and each block's output, `blocks + 1` in all, where it is asked for.
 */
export function runBlocks({
  blocks,
  input,
  cache = null,
  outputHiddenStates = false,
  outputPositions,
  ...attention
}: Omit<AttentionInput, 'cache'> & {
  blocks: readonly Block[];
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
      ...attention,
      ...(index === blocks.length - 1 && { outputPositions }),
    });
    hiddenStates?.push(hidden);
  }
  return { hidden, hiddenStates };
}
