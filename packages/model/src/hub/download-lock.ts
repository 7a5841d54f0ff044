import { open, readFile, stat, unlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Runs an action while no other process of this machine runs one with the same lock file. A lock whose process is gone
 * is taken over.
 */
export async function withLock<T>({ path, signal, action }: { path: string; signal?: AbortSignal; action: () => Promise<T> }): Promise<T> {
  for (;;) {
    try {
      const handle = await open(path, 'wx');
      await handle.writeFile(JSON.stringify({ process: process.pid, machine: hostname() }));
      await handle.close();
      break;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
      if (await isStale(path)) await unlink(path).catch(() => {});
      else await delay(200, undefined, { signal });
    }
  }
  try {
    return await action();
  } finally {
    await unlink(path).catch(() => {});
  }
}

/** Whether the lock's process is gone, or a crash left the lock half written. */
async function isStale(path: string): Promise<boolean> {
  try {
    const text = await readFile(path, 'utf8');
    if (text === '') return Date.now() - (await stat(path)).mtimeMs > 5_000;
    const owner = JSON.parse(text) as { process?: number; machine?: string };
    if (owner.machine !== hostname() || typeof owner.process !== 'number') return false;
    process.kill(owner.process, 0);
    return false;
  } catch (cause) {
    // The process is gone; anything else (the lock is gone by now, or another's) is looked at again.
    return (cause as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
