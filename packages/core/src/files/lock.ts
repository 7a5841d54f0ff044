import { randomBytes } from 'node:crypto';
import { link, open, readdir, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { SubtextError } from '../subtext-error';
import { fileError } from './file-error';
import { readTextFile } from './read-file';
import { isAlive, processSpace, statusOf } from './process-identity';

/** Who holds a lock, as its file says. */
export interface LockHolder {
  process: number;
  host: string;
  /** When the process started, as the system counts it: tells it from a later one of the same number. Linux only. */
  started?: string;
  /** The process that started it: one that has another now was left by it, and may be ending too. Linux only. */
  parent?: number;
  /** The machine's start and the process namespace: numbers of processes mean something within these only. Linux only. */
  space?: string;
  /** When the process started, in seconds since 1970 by its own clock: tells another thread of this process. */
  began?: number;
}

/** Options of {@link acquireLock}. */
export interface AcquireLockOptions {
  /** The lock's file. */
  path: string;
  /** Milliseconds to wait for it. Default 0: not at all. */
  waitMilliseconds?: number;
  /**
   * Milliseconds to wait for a holder whose parent has ended: a launcher such as `mpirun` is gone some moments before the
   * last of its processes is. Default ten seconds. Known on Linux only.
   */
  orphanMilliseconds?: number;
  /** Called once when there is something to wait for. */
  onWait?: (holder: LockHolder | undefined) => void;
  /** Gives up waiting. */
  signal?: AbortSignal;
  /**
   * Milliseconds without a sign of life after which a lock is taken over whose process can't be looked up, being of
   * another machine or container. Default five minutes. Holders give a sign of life every ten seconds.
   */
  staleMilliseconds?: number;
}

/** A lock that is held. */
export interface Lock {
  /** Gives it back. Never throws. */
  release(): Promise<void>;
}

/** Somebody else holds the lock. */
export class LockError extends SubtextError<'locked'> {
  override readonly name = 'LockError';
  /** Who holds it, where that can be read. */
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

/** A sign of life is given this often, in milliseconds. */
const heartbeat = 10_000;
/** A lock whose content can't be understood was left half written, once it is this old, in milliseconds. */
const brokenAge = 10_000;
/** Seconds by which two threads of one process may differ about when it started. */
const startTolerance = 2;
/** Locks that this very thread holds or is trying to take. */
const held = new Set<string>();

/**
 * Takes a lock: a file that names its holder, made in one step. A lock is taken over where its process is gone: on this
 * machine that is looked up; of another machine, another process namespace or another thread of this process, it is one
 * that gave no sign of life for some minutes. What may not be read is never taken over.
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
      // Reserved before the try: a second call of this process would take the file that this one makes for one that an
      // earlier process of the same number left.
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

/** Runs an action while holding a lock. @throws LockError `locked` */
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
      // Where the disk takes no writes any more, that error has been told; a lock of the dead is taken over.
      await rm(path, { force: true }).catch(() => undefined);
      // Last: until the file is gone, a call of this process must not judge it.
      held.delete(path);
    },
  };
}

/** One try: makes the file, or judges and replaces the one that is there. */
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
  // Only one may judge and remove at a time: a second could remove the lock that the first has just made.
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
    // It may not be read: somebody else's, and alive for all we know.
    return false;
  }
  if (holder === undefined) return age > brokenAge;
  const here =
    holder.space === undefined
      ? holder.host === hostname() && process.platform !== 'linux'
      : holder.space === (await processSpace());
  if (!here) return age > staleMilliseconds;
  if (holder.process === process.pid) {
    // Another thread of this process, unless an earlier process had its number. A thread that ended gives no sign of life.
    const isOurs = holder.began !== undefined && Math.abs(holder.began - ownStart()) <= startTolerance;
    return isOurs ? age > staleMilliseconds : true;
  }
  if (!isAlive(holder.process)) return true;
  const status = await statusOf(holder.process);
  if (status === undefined) return false;
  return status.ended || (holder.started !== undefined && status.started !== holder.started);
}

/** Whether a holder of this machine has been left by the process that started it. */
async function isOrphan(holder: LockHolder | undefined): Promise<boolean> {
  if (holder?.parent === undefined || holder.space === undefined) return false;
  if (holder.process === process.pid || holder.space !== (await processSpace())) return false;
  const status = await statusOf(holder.process);
  return status !== undefined && status.parent !== holder.parent;
}

/** Milliseconds since a file's last sign of life, by the file system's own clock; undefined where it is gone. */
async function ageOf(path: string, now: number): Promise<number | undefined> {
  try {
    return now - (await stat(path)).mtimeMs;
  } catch {
    return undefined;
  }
}

/** Undefined for a file that is gone or says nothing sensible. @throws FileError where it may not be read */
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

/** When this process started, in seconds since 1970. */
function ownStart(): number {
  return Date.now() / 1000 - process.uptime();
}

/**
 * Makes a file with its content in one step, so that nobody sees it empty; `made` is false where it is there already.
 * File systems without hard links get the content after the file. `now` is the time by the file system's clock.
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

/** Removes what processes of this machine left that were killed in `createWhole`. */
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
