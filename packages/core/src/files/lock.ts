import { randomBytes } from 'node:crypto';
import { link, open, readdir, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { SubtextError } from '../subtext-error';
import { fileError } from './file-error';
import { readTextFile } from './read-file';
import { isAlive, processSpace, statusOf } from './process-identity';

/** The holder of a lock, as recorded in the lock file. */
export interface LockHolder {
  process: number;
  host: string;
  /** The process's start time in clock ticks: detects a reused process id. Linux only. */
  started?: string;
  /** The parent's process id. If it has changed, the parent has exited, and the holder may be exiting too. Linux only. */
  parent?: number;
  /** Boot id and process namespace: process ids are comparable only within the same pair. Linux only. */
  space?: string;
  /** Start time of the process in seconds since 1970, by its own clock: identifies other threads of this process. */
  began?: number;
}

/** Options of {@link acquireLock}. */
export interface AcquireLockOptions {
  /** Path of the lock file. */
  path: string;
  /** Milliseconds to wait for the lock. Default 0: fail immediately. */
  waitMilliseconds?: number;
  /**
   * Milliseconds to wait for a holder whose parent has exited: a launcher such as `mpirun` can exit shortly before the
   * last of its processes. Default ten seconds. Linux only.
   */
  orphanMilliseconds?: number;
  /** Called once if the lock is held and has to be waited for. */
  onWait?: (holder: LockHolder | undefined) => void;
  /** Aborts the wait. */
  signal?: AbortSignal;
  /**
   * Milliseconds without a heartbeat after which a lock is considered stale if its process can't be looked up, because it
   * runs on another machine or in another container. Default five minutes. Holders send a heartbeat every ten seconds.
   */
  staleMilliseconds?: number;
}

/** A lock held by this process. */
export interface Lock {
  /** Releases the lock. Never throws. */
  release(): Promise<void>;
}

/** The lock is held by another process. */
export class LockError extends SubtextError<'locked'> {
  override readonly name = 'LockError';
  /** The holder, if the lock file could be read. */
  readonly holder: LockHolder | undefined;

  constructor({ path, holder }: { path: string; holder: LockHolder | undefined }) {
    const who = holder === undefined ? '' : ` (process ${holder.process} on ${holder.host})`;
    super({
      code: 'locked',
      message: `${path} is locked by another process${who}. Wait for it; if it is gone, delete this file`,
    });
    this.holder = holder;
  }

  static override isInstance(error: unknown): error is LockError {
    return SubtextError.isInstance(error) && error.name === 'LockError';
  }
}

/** Heartbeat interval in milliseconds. */
const heartbeat = 10_000;
/** Age in milliseconds from which an unreadable lock file is treated as left half-written. */
const brokenAge = 10_000;
/** Seconds by which the start times computed by two threads of one process may differ. */
const startTolerance = 2;
/** Locks that this thread holds or is acquiring. */
const held = new Set<string>();

/**
 * Acquires a lock: a file that names its holder, created atomically. A stale lock is taken over: on this machine, if its
 * process no longer exists; from another machine, another process namespace or another thread of this process, if it
 * has had no heartbeat for `staleMilliseconds`. A lock file that may not be read is never taken over.
 *
 * @throws LockError `locked`; FileError
 */
export async function acquireLock({
  path,
  waitMilliseconds = 0,
  orphanMilliseconds = 10_000,
  onWait,
  signal,
  staleMilliseconds = 300_000,
}: AcquireLockOptions): Promise<Lock> {
  const absolute = resolve(path);
  const began = Date.now();
  let told = false;
  for (;;) {
    signal?.throwIfAborted();
    if (!held.has(absolute)) {
      // Reserved before the try: a concurrent call in this process would mistake the file created here for one left by an
      // earlier process with the same id.
      held.add(absolute);
      let taken = false;
      try {
        taken = await attempt({ path: absolute, staleMilliseconds });
      } finally {
        if (!taken) held.delete(absolute);
      }
      if (taken) return hold(absolute);
    }
    const holder = await readHolder(absolute).catch(() => undefined);
    const patience = (await isOrphan(holder)) ? Math.max(waitMilliseconds, orphanMilliseconds) : waitMilliseconds;
    const left = began + patience - Date.now();
    if (left <= 0) throw new LockError({ path, holder });
    if (!told) onWait?.(holder);
    told = true;
    await delay(Math.min(200, Math.max(1, left)), undefined, { signal });
  }
}

/** Runs `action` while holding the lock. @throws LockError `locked` */
export async function withLock<Result>({
  action,
  ...options
}: AcquireLockOptions & { action: () => Promise<Result> }): Promise<Result> {
  const lock = await acquireLock(options);
  try {
    return await action();
  } finally {
    await lock.release();
  }
}

function hold(path: string): Lock {
  held.add(path);
  const timer = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {});
  }, heartbeat);
  timer.unref();
  let released = false;
  return {
    async release() {
      if (released) return;
      released = true;
      clearInterval(timer);
      // A failing disk has already caused an error elsewhere, and a lock left behind counts as stale.
      await rm(path, { force: true }).catch(() => undefined);
      // Last: until the file is gone, other calls in this process must not examine it.
      held.delete(path);
    },
  };
}

/** One attempt: creates the lock file, or takes over a stale one. */
async function attempt({ path, staleMilliseconds }: { path: string; staleMilliseconds: number }): Promise<boolean> {
  const content = JSON.stringify({
    process: process.pid,
    host: hostname(),
    started: (await statusOf(process.pid))?.started,
    parent: process.ppid,
    space: await processSpace(),
    began: ownStart(),
  } satisfies LockHolder);
  const created = await createWhole({ path, content });
  if (created.made) return true;
  if (!(await isStale({ path, now: created.now, staleMilliseconds }))) return false;
  // Only one process may check and remove at a time: a second could remove the lock that the first has just created.
  const takeover = `${path}.takeover`;
  const judge = await createWhole({ path: takeover, content });
  if (!judge.made) {
    const age = await ageOf(takeover, judge.now);
    if (age !== undefined && age > brokenAge) await rm(takeover, { force: true });
    return false;
  }
  try {
    if (!(await isStale({ path, now: judge.now, staleMilliseconds }))) return false;
    await rm(path, { force: true });
    await removeTemporaries(path);
    return (await createWhole({ path, content })).made;
  } finally {
    await rm(takeover, { force: true }).catch(() => undefined);
  }
}

async function isStale({
  path,
  now,
  staleMilliseconds,
}: {
  path: string;
  now: number;
  staleMilliseconds: number;
}): Promise<boolean> {
  const age = await ageOf(path, now);
  if (age === undefined) return true;
  let holder: LockHolder | undefined;
  try {
    holder = await readHolder(path);
  } catch {
    // Not readable: it belongs to another user, and its holder may be alive.
    return false;
  }
  if (holder === undefined) return age > brokenAge;
  const here =
    holder.space === undefined
      ? holder.host === hostname() && process.platform !== 'linux'
      : holder.space === (await processSpace());
  if (!here) return age > staleMilliseconds;
  if (holder.process === process.pid) {
    // Another thread of this process, or an earlier process with the same id. A thread that ended sends no heartbeat.
    const isOurs = holder.began !== undefined && Math.abs(holder.began - ownStart()) <= startTolerance;
    return isOurs ? age > staleMilliseconds : true;
  }
  if (!isAlive(holder.process)) return true;
  const status = await statusOf(holder.process);
  if (status === undefined) return false;
  return status.ended || (holder.started !== undefined && status.started !== holder.started);
}

/** Whether the holder is on this machine and its parent has exited. */
async function isOrphan(holder: LockHolder | undefined): Promise<boolean> {
  if (holder?.parent === undefined || holder.space === undefined) return false;
  if (holder.process === process.pid || holder.space !== (await processSpace())) return false;
  const status = await statusOf(holder.process);
  return status !== undefined && status.parent !== holder.parent;
}

/** Milliseconds since the last heartbeat, by the file system's clock; undefined if the file does not exist. */
async function ageOf(path: string, now: number): Promise<number | undefined> {
  try {
    return now - (await stat(path)).mtimeMs;
  } catch {
    return undefined;
  }
}

/** Undefined if the file is missing or malformed. @throws FileError if it may not be read */
async function readHolder(path: string): Promise<LockHolder | undefined> {
  let text: string;
  try {
    text = await readTextFile({ path, maximumBytes: 65_536 });
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === 'not-found' || code === 'invalid-text' || code === 'too-large') return undefined;
    throw error;
  }
  try {
    const {
      process: number,
      host,
      machine,
      started,
      parent,
      space,
      began,
    } = JSON.parse(text) as Record<string, unknown>;
    const name = host ?? machine;
    if (!Number.isSafeInteger(number) || (number as number) <= 0 || typeof name !== 'string') return undefined;
    return {
      process: number as number,
      host: name,
      ...(typeof started === 'string' ? { started } : {}),
      ...(Number.isSafeInteger(parent) ? { parent: parent as number } : {}),
      ...(typeof space === 'string' ? { space } : {}),
      ...(typeof began === 'number' ? { began } : {}),
    };
  } catch {
    return undefined;
  }
}

/** Start time of this process in seconds since 1970. */
function ownStart(): number {
  return Date.now() / 1000 - process.uptime();
}

/**
 * Creates a file together with its content, so that no reader sees it empty; `made` is false if it already exists. On
 * file systems without hard links the content follows after creation. `now` is the file system's clock.
 */
async function createWhole({
  path,
  content,
}: {
  path: string;
  content: string;
}): Promise<{ made: boolean; now: number }> {
  const temporary = `${path}.${process.pid}-${randomBytes(4).toString('hex')}`;
  try {
    const handle = await open(temporary, 'wx', 0o644);
    let now: number;
    try {
      await handle.writeFile(content);
      now = (await handle.stat()).mtimeMs;
    } finally {
      await handle.close();
    }
    try {
      await link(temporary, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return { made: false, now };
      try {
        const direct = await open(path, 'wx', 0o644);
        await direct.writeFile(content).finally(() => direct.close());
      } catch (inner) {
        if ((inner as NodeJS.ErrnoException).code === 'EEXIST') return { made: false, now };
        throw inner;
      }
    }
    return { made: true, now };
  } catch (cause) {
    throw fileError({ cause, path, action: 'write' });
  } finally {
    await rm(temporary, { force: true }).catch(() => undefined);
  }
}

/** Deletes temporary files left by processes of this machine that were killed in `createWhole`. */
async function removeTemporaries(path: string): Promise<void> {
  const folder = dirname(path);
  const start = `${basename(path)}.`;
  for (const name of await readdir(folder)) {
    if (!name.startsWith(start)) continue;
    const processId = /^(?:takeover\.)?(\d+)-[0-9a-f]{8}$/.exec(name.slice(start.length))?.[1];
    if (processId !== undefined && Number(processId) !== process.pid && !isAlive(Number(processId)))
      await rm(join(folder, name), { force: true });
  }
}
