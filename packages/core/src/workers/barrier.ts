import { WorkerError } from './worker-error';

/** Places in the control array. */
const ARRIVED = 0;
const GENERATION = 1;
const FAILED = 2;

/** What the workers that waited say: the one that failed says why. */
export const anotherFailed = 'Another worker failed.';

/** How long one wait lasts before the failure mark is looked at again, in milliseconds. */
const GLANCE = 1_000;

/**
 * Waits until all workers are here. Blocks the thread: for worker threads only.
 * Throws `worker-failed` where another worker failed instead of arriving.
 */
export function waitForAll({ control, workers }: { control: Int32Array; workers: number }): void {
  if (workers === 1) return;
  throwIfFailed(control);
  const generation = Atomics.load(control, GENERATION);
  if (Atomics.add(control, ARRIVED, 1) === workers - 1) {
    Atomics.store(control, ARRIVED, 0);
    Atomics.add(control, GENERATION, 1);
    Atomics.notify(control, GENERATION);
  }
  while (Atomics.load(control, GENERATION) === generation) {
    Atomics.wait(control, GENERATION, generation, GLANCE);
    throwIfFailed(control);
  }
  throwIfFailed(control);
}

/** Tells the others that this worker will not arrive, and wakes them. */
export function reportFailure({ control }: { control: Int32Array }): void {
  Atomics.store(control, FAILED, 1);
  Atomics.notify(control, GENERATION);
}

function throwIfFailed(control: Int32Array): void {
  if (Atomics.load(control, FAILED) !== 0) {
    throw new WorkerError({ code: 'worker-failed', message: anotherFailed });
  }
}
