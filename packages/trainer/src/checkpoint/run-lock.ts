import { open, readFile, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';

import { TrainerError } from '../errors';
import { writeError } from './atomic-files';

/** Folders that this very process holds: its own process id in a lock file does not tell. */
const held = new Set<string>();

/** A lock file without content was left by a process killed while it wrote it, once it is this old, in milliseconds. */
const EMPTY_LOCK_AGE = 5_000;

/** Whether a process of this machine is alive. */
function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, but belongs to somebody else.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

async function readHolder(path: string): Promise<{ process: number; host: string } | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as { process: number; host: string };
  } catch {
    return undefined;
  }
}

async function isLeftByTheDead({ path, holder }: { path: string; holder: { process: number; host: string } | undefined }): Promise<boolean> {
  if (!holder) {
    const age = await stat(path).then(({ mtimeMs }) => Date.now() - mtimeMs, () => Infinity);
    return age > EMPTY_LOCK_AGE;
  }
  return holder.host === hostname() && (holder.process === process.pid || !isAlive(holder.process));
}

/**
 * Keeps a second run out of a folder. The lock names its process: one that a dead process of this machine left is
 * taken over. Throws `FOLDER_LOCKED`. Returns the function that gives the lock back.
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const path = join(resolve(folder), 'run.lock');
  for (let attempt = 0; ; attempt++) {
    try {
      const handle = await open(path, 'wx');
      await handle.writeFile(JSON.stringify({ process: process.pid, host: hostname() }));
      await handle.close();
      held.add(path);
      return async () => {
        held.delete(path);
        await rm(path, { force: true });
      };
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw writeError({ path, error });
    }
    const holder = await readHolder(path);
    if (held.has(path) || attempt > 0 || !(await isLeftByTheDead({ path, holder }))) {
      throw new TrainerError({
        code: 'FOLDER_LOCKED',
        message:
          `Another run is writing to ${folder}` +
          (holder ? ` (process ${holder.process} on ${holder.host})` : '') +
          `. Wait for it, take another output folder, or delete ${path} if that run is gone.`,
      });
    }
    await rm(path, { force: true });
  }
}
