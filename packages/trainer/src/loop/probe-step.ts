import { tf } from '@subtext/tensor';

import { shardGradients } from '../parallel/shard-gradients';
import type { TrainingProgram } from '../program/training-program';

/** What computing one shard took. */
export interface ProbedStep {
  /** Bytes of the engine's tensors at the most, beyond what was there before: activations and gradients. */
  peakBytes: number;
  seconds: number;
}

/** Computes loss and gradients of one shard without changing anything, to see what that takes. */
export async function probeStep({
  program,
  batch,
}: {
  program: TrainingProgram;
  /** One shard. */ batch: unknown;
}): Promise<ProbedStep> {
  const variables = program.parameters.map(({ variable }) => variable);
  const watch = watchBytes();
  const began = performance.now();
  let peakBytes: number;
  try {
    const { loss, gradients, reported } = shardGradients({ program, variables, shard: 0, batch });
    // Engines that compute beside this thread are waited for.
    await loss.data();
    tf.dispose([loss, gradients.filter((gradient) => gradient !== null), reported]);
  } finally {
    peakBytes = watch();
  }
  return { peakBytes, seconds: (performance.now() - began) / 1000 };
}

/** Watches the bytes of all tensors; the function that it gives ends that, and tells the most beyond those at the start. */
function watchBytes(): () => number {
  const { state } = tf.engine() as unknown as { state: { numBytes: number } };
  const before = state.numBytes;
  let now = before;
  let most = before;
  Object.defineProperty(state, 'numBytes', {
    configurable: true,
    enumerable: true,
    get: () => now,
    set(value: number) {
      now = value;
      if (value > most) most = value;
    },
  });
  return () => {
    Object.defineProperty(state, 'numBytes', { configurable: true, enumerable: true, writable: true, value: now });
    return most - before;
  };
}
