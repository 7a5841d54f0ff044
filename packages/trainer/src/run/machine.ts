import { availableParallelism, totalmem } from 'node:os';

import { defaultWorkers } from '../loop/training-engine';
import { alone, type Collective } from '../parallel/collective';

/** Bytes that the machine, or the container, has. */
export function machineMemory(): number {
  const limit = (process as { constrainedMemory?: () => number | undefined }).constrainedMemory?.() ?? 0;
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

/** Threads that a run trains with: those of a machine are shared by its ranks. */
export function workersOf({
  workers,
  shards,
  parameters,
  collective: { size, localSize } = alone,
}: {
  workers?: number;
  shards: number;
  /** Of the model. @default many */
  parameters?: number;
  /** @default this process alone */
  collective?: Collective;
}): number {
  const processors = Math.max(1, Math.floor(availableParallelism() / localSize));
  return workers ?? defaultWorkers({ shards: Math.max(1, Math.floor(shards / size)), processors, parameters });
}
