import { WorkerError } from './worker-error';

/** Indices into the control array. */
const ARRIVED = 0;
const GENERATION = 1;
const FAILED = 2;

/** Message of workers that were waiting; the worker that failed reports the reason. */
export const anotherFailed = 'Another worker failed.';

/** Interval at which a waiting worker checks the failure flag, in milliseconds. */
const GLANCE = 1_000;

/**
 * Waits until all workers have arrived. Blocks the thread: for worker threads only.
 * Throws `worker-failed` if another worker failed instead of arriving.
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

/** Sets the failure flag and wakes the waiting workers. */
export function reportFailure({ control }: { control: Int32Array }): void {
  Atomics.store(control, FAILED, 1);
  Atomics.notify(control, GENERATION);
}

function throwIfFailed(control: Int32Array): void {
  if (Atomics.load(control, FAILED) !== 0) {
    throw new WorkerError({ code: 'worker-failed', message: anotherFailed });
  }
}
