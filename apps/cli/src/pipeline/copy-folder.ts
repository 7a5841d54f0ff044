import { cp, rename, rm } from 'node:fs/promises';

/** Copies a folder whole: an interrupted copy leaves what stood at `to` before, or nothing. */
export async function copyFolder({ from, to }: { from: string; to: string }): Promise<void> {
  const partial = `${to}.partial`;
  await rm(partial, { recursive: true, force: true });
  await cp(from, partial, { recursive: true });
  await rm(to, { recursive: true, force: true });
  await rename(partial, to);
}
