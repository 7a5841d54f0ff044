import { join } from 'node:path';

import { acquireLock, LockError, type Lock } from '@subtext/core/node';

import { TrainerError } from '../errors';
import { writeError } from './atomic-files';

const lockName = 'run.lock';

/**
 * Keeps a second run out of a folder. The lock names its process: one that a dead process left is taken over, by one of
 * those that try; one of a living process never, in whatever container it lives, nor one that may not be read. For one whose
 * launcher has ended, such as a rank that `mpirun` has left behind, it waits some seconds. Throws `locked`. Returns the function that gives the lock back.
 */
export async function lockFolder({
  folder,
  onNotice,
}: {
  folder: string;
  /** Is told that there is something to wait for. @default nobody */
  onNotice?: (text: string) => void;
}): Promise<() => Promise<void>> {
  const path = join(folder, lockName);
  let lock: Lock;
  try {
    // A step may take longer than any sign of life: what cannot be looked up is alive.
    lock = await acquireLock({
      path,
      staleMilliseconds: Infinity,
      onWait: (holder) =>
        onNotice?.(
          `${folder} still belongs to process ${holder?.process}, whose launcher has ended: waiting for its end.`,
        ),
    });
  } catch (error) {
    if (!LockError.isInstance(error)) throw writeError({ path, error });
    const { holder } = error;
    throw new TrainerError({
      code: 'locked',
      message:
        `Another run is writing to ${folder}` +
        (holder ? ` (process ${holder.process} on ${holder.host})` : '') +
        `. Wait for it, take another output folder, or delete ${path} if that run is gone.`,
      cause: error,
    });
  }
  return () => lock.release();
}

/** Whether a name in a run's folder belongs to its lock. */
export function isLockFile(name: string): boolean {
  return name === lockName || name.startsWith(`${lockName}.`) || name.startsWith(`.${lockName}.`);
}
