import { randomBytes } from 'node:crypto';
import { link, open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';

import { TrainerError } from '../errors';
import { writeError } from './atomic-files';

/** Folders that this very process holds: its own process id in a lock file does not tell. */
const held = new Set<string>();

/** A lock file without content was left by a process killed while it wrote it, once it is this old, in milliseconds. */
const EMPTY_LOCK_AGE = 5_000;

const lockName = 'run.lock';

interface Holder {
  process: number;
  host: string;
  /** When the process started, as the system counts it: tells it from a later one of the same number. Absent where the system does not say. */
  started?: string;
}

/** Whether a process of this machine is alive. */
function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, but belongs to somebody else.
    return codeOf(error) === 'EPERM';
  }
}

/** Start time of a process in clock ticks since the machine's start, from Linux's `/proc`; undefined elsewhere. */
async function startOf(processId: number): Promise<string | undefined> {
  try {
    const text = await readFile(`/proc/${processId}/stat`, 'utf8');
    // The second field is the program's name in brackets, which may hold blanks; the start time is field 22.
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Holder;
  } catch {
    return undefined;
  }
}

async function isLeftByTheDead({ path, holder }: { path: string; holder: Holder | undefined }): Promise<boolean> {
  if (!holder) {
    const age = await stat(path).then(({ mtimeMs }) => Date.now() - mtimeMs, () => Infinity);
    return age > EMPTY_LOCK_AGE;
  }
  if (holder.host !== hostname()) return false;
  if (holder.process === process.pid || !isAlive(holder.process)) return true;
  const started = holder.started && (await startOf(holder.process));
  return started !== undefined && started !== holder.started;
}

/**
 * Makes a file with its content in one step, so that nobody sees it empty; false where it is there already. File
 * systems without hard links get the content after the file.
 */
async function createWhole({ path, content }: { path: string; content: string }): Promise<boolean> {
  const temporary = `${path}.${process.pid}-${randomBytes(4).toString('hex')}`;
  try {
    const handle = await open(temporary, 'wx');
    await handle.writeFile(content).finally(() => handle.close());
    try {
      await link(temporary, path);
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false;
      const direct = await open(path, 'wx');
      await direct.writeFile(content).finally(() => direct.close());
    }
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw writeError({ path, error });
  } finally {
    await rm(temporary, { force: true }).catch(() => undefined);
  }
}

/**
 * Keeps a second run out of a folder. The lock names its process: one that a dead process of this machine left is
 * taken over, by one of those that try. Throws `FOLDER_LOCKED`. Returns the function that gives the lock back.
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const path = join(resolve(folder), lockName);
  const content = JSON.stringify({ process: process.pid, host: hostname(), started: await startOf(process.pid) } satisfies Holder);
  const taken = () => {
    held.add(path);
    return async () => {
      held.delete(path);
      // Where the disk takes no writes any more, that error has been told; a lock of the dead is taken over.
      await rm(path, { force: true }).catch(() => undefined);
    };
  };
  if (!held.has(path)) {
    if (await createWhole({ path, content })) return taken();
    // Only one may judge and remove at a time: a second could remove the lock that the first has just made.
    const takeover = `${path}.takeover`;
    if (await isLeftByTheDead({ path: takeover, holder: await readHolder(takeover) })) await rm(takeover, { force: true });
    if (await createWhole({ path: takeover, content })) {
      try {
        if (await isLeftByTheDead({ path, holder: await readHolder(path) })) {
          await rm(path, { force: true });
          await removeTemporaries(resolve(folder));
          if (await createWhole({ path, content })) return taken();
        }
      } finally {
        await rm(takeover, { force: true }).catch(() => undefined);
      }
    }
  }
  const holder = await readHolder(path);
  throw new TrainerError({
    code: 'FOLDER_LOCKED',
    message:
      `Another run is writing to ${folder}` +
      (holder ? ` (process ${holder.process} on ${holder.host})` : '') +
      `. Wait for it, take another output folder, or delete ${path} if that run is gone.`,
  });
}

/** Removes what processes killed in `createWhole` left. */
async function removeTemporaries(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const processId = /^run\.lock\.(?:takeover\.)?(\d+)-[0-9a-f]{8}$/.exec(name)?.[1];
    if (processId !== undefined && !isAlive(Number(processId))) await rm(join(folder, name), { force: true });
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
