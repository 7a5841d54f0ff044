import type { tf } from '../tensorflow';
import { fusedKernels } from '../kernels/registry';
import { check } from './check';

/** Whether the engine can write to an existing tensor in place. */
export function writesInPlace(): boolean {
  return fusedKernels().cacheWrite !== undefined;
}

/** Writes `update` (`[batch, time, width]`) to `buffer` (`[batch, room, width]`) at `offset`, in place. Requires {@link writesInPlace}. */
export function cacheWrite(options: { buffer: tf.Variable<tf.Rank.R3>; update: tf.Tensor3D; offset: number }): void {
  const [batch, room, width] = options.buffer.shape;
  const [rows, time, columns] = options.update.shape;
  check(
    'cacheWrite',
    rows === batch && columns === width && options.offset >= 0 && options.offset + time <= room,
    () =>
      `[${options.update.shape.join(', ')}] at ${options.offset} does not fit into [${options.buffer.shape.join(', ')}].`,
  );
  fusedKernels().cacheWrite!(options);
}
