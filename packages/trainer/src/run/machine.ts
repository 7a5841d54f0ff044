import { availableParallelism, totalmem } from 'node:os';

import { defaultWorkers } from '../loop/training-engine';

/** Bytes that the machine, or the container, has. */
export function machineMemory(): number {
  const limit = (process as { constrainedMemory?: () => number | undefined }).constrainedMemory?.() ?? 0;
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

/** Threads that a run trains with. */
export function workersOf({
  workers,
  shards,
  parameters,
}: {
  workers?: number;
  shards: number;
  /** Of the model. @default many */
  parameters?: number;
}): number {
  return workers ?? defaultWorkers({ shards, processors: availableParallelism(), parameters });
}
