import { createHash } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

import { TrainerError } from '../errors';

/** Flushes a folder's entries to disk. Windows cannot open folders; its renames are durable without it. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Writes bytes and flushes them to disk. */
export async function writeSynced({ path, data }: { path: string; data: string | Uint8Array }): Promise<void> {
  try {
    const handle = await open(path, 'w');
    try {
      await handle.writeFile(data);
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw writeError({ path, error });
  }
}

/** Writes a file so that a reader sees the old bytes or the new ones, never a part: temporary file, sync, rename, sync. */
export async function writeAtomically({ path, data }: { path: string; data: string | Uint8Array }): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await writeSynced({ path: temporary, data });
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true });
    throw writeError({ path, error });
  }
}

/** SHA-256 of a file, as hex. */
export async function fileDigest(path: string): Promise<{ bytes: number; sha256: string }> {
  const data = await readFile(path);
  return { bytes: data.byteLength, sha256: createHash('sha256').update(data).digest('hex') };
}

/** Turns the system's error into one that says what to do. */
export function writeError({ path, error }: { path: string; error: unknown }): Error {
  if (TrainerError.isInstance(error)) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const reasons: Record<string, string> = {
    ENOSPC: 'the disk is full; free some space and start the run again, it goes on from the last checkpoint',
    EROFS: 'the file system is read-only; choose another output folder',
    EACCES: 'no permission to write there; choose another output folder or change its permissions',
    EPERM: 'no permission to write there; choose another output folder or change its permissions',
    EDQUOT: 'the disk quota is used up; free some space and start the run again',
  };
  const reason = reasons[code] ?? (error instanceof Error ? error.message : String(error));
  return new TrainerError({ code: 'WRITE_FAILED', message: `Cannot write ${path}: ${reason}.`, cause: error });
}
