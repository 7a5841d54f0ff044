import { tf } from '../tensorflow';
import { fusedKernels, supporting } from '../kernels/registry';
import type { TransformerBlockParts } from '../kernels/kernels';
import { check, checkFloat, shapeText } from './check';
import { blockIsPlain, checkBlock, checkMask } from './check-block';
import { windowedMask } from './sliding-window';

/** One layer's place in a cache that is written in place: what `KeyValueCache.reserve` gives. */
export interface ReservedPositions {
  /** `[batch, room, keyValueHeads·headWidth]` */ key: tf.Variable;
  /** `[batch, room, keyValueHeads·headWidth]` */ value: tf.Variable;
  /** Positions that are filled. */
  offset: number;
}

export interface DecoderBlockOptions extends TransformerBlockParts {
  /** int32, 1 where a key may be seen: `[batch, offset + time]` or `[batch, time, offset + time]`. */
  mask: tf.Tensor | null;
  /** Asks the cache for room; called once, after the block has been checked. */
  reserve: (options: { batch: number; time: number; width: number }) => ReservedPositions;
}

/**
 * A whole pre-norm block over a cache, `[batch, time, width]` to the same, as one call of the engine, without gradients:
 * keys and values of this call are written into the cache behind those it holds, and queries see all up to their own.
 * Null where the engine has no such kernel, or a tape records; the block is then made of its operations.
 *
 * @throws OperationError where shapes do not fit; what `reserve` throws.
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
