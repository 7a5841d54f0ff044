import { tf } from '../tensorflow';
import { fusedKernels, supporting } from '../kernels/registry';
import type { TransformerBlockParts } from '../kernels/kernels';
import { check, checkFloat, shapeText } from './check';
import { blockIsPlain, checkBlock, checkMask } from './check-block';
import { windowedMask } from './sliding-window';

/** One layer's buffers in a cache that is written in place, as returned by `KeyValueCache.reserve`. */
export interface ReservedPositions {
  /** `[batch, room, keyValueHeads·headWidth]` */ key: tf.Variable;
  /** `[batch, room, keyValueHeads·headWidth]` */ value: tf.Variable;
  /** Number of filled positions. */
  offset: number;
}

export interface DecoderBlockOptions extends TransformerBlockParts {
  /** int32, 1 for visible keys: `[batch, offset + time]` or `[batch, time, offset + time]`. */
  mask: tf.Tensor | null;
  /** Reserves room in the cache; called once, after the block has been checked. */
  reserve: (options: { batch: number; time: number; width: number }) => ReservedPositions;
}

/**
 * A whole pre-norm block over a cache, `[batch, time, width]` → the same shape, in one call of the engine, without
 * gradients. This call's keys and values are appended to the cache, and queries see all keys up to their own. Returns
 * null if the engine has no such kernel or a tape is recording; the block is then composed of its operations.
 *
 * @throws OperationError if shapes do not match; errors of `reserve`
 */
export function decoderBlock({ reserve, mask, ...block }: DecoderBlockOptions): tf.Tensor3D | null {
  if (tf.engine().isTapeOn()) return null;
  const kernel = supporting({ kernel: fusedKernels().decoderBlock, options: block, plain: blockIsPlain(block) });
  if (kernel === null) return null;
  const operation = 'decoderBlock';
  const { batch, time, keyWidth } = checkBlock({ operation, block, mask: null });
  const cache = reserve({ batch, time, width: keyWidth });
  const { key, value, offset } = cache;
  for (const [name, buffer] of [
    ['key', key],
    ['value', value],
  ] as const) {
    checkFloat(operation, `the cache's ${name}`, buffer);
    const room = buffer.shape[1] ?? 0;
    const fits =
      tf.util.arraysEqual(buffer.shape, [batch, key.shape[1] ?? 0, keyWidth]) &&
      Number.isInteger(offset) &&
      offset >= 0 &&
      offset + time <= room;
    check(
      operation,
      fits,
      () =>
        `the cache's ${name} must be [${batch}, ${offset + time} or more, ${keyWidth}] for ${time} positions from ${offset} on, got ${shapeText(buffer)}.`,
    );
  }
  const keyTime = offset + time;
  if (mask) checkMask({ operation, mask, batch, time, keyTime });
  return tf.tidy(() =>
    kernel.forward({
      ...block,
      mask: windowedMask({ mask, window: block.window ?? null, batch, queryTime: time, keyTime }),
      cache,
    }),
  );
}
