import { cp, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncFolder } from '@subtext/core/node';

/** Flushes every file of a folder to disk. A handle that may write, since Windows flushes no other. */
async function flushFiles(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await flushFiles(path);
    if (!entry.isFile()) continue;
    const handle = await open(path, 'r+');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
  await syncFolder(folder);
}

/** Copies a folder whole: an interrupted copy, by a loss of power too, leaves what stood at `to` before, or nothing. */
export async function copyFolder({ from, to }: { from: string; to: string }): Promise<void> {
  const partial = `${to}.partial`;
  await rm(partial, { recursive: true, force: true });
  await cp(from, partial, { recursive: true });
  await flushFiles(partial);
  await rm(to, { recursive: true, force: true });
  await rename(partial, to);
  await syncFolder(dirname(to));
}
