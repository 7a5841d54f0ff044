import { parseJson } from '@subtext/core';
import { readTextFile } from '@subtext/core/node';
import { UsageError } from '@subtext/terminal';
import { lockFolder, writeAtomically } from '@subtext/trainer';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';

const marker = 'start.json';

/** The folder of a start, held by this process. */
export interface StartFolder {
  /** Seconds that drawing the pictures took, when they were drawn. */
  dataSeconds: number;
  /** Notes how long drawing the pictures took. */
  noteData(seconds: number): Promise<void>;
  /** Gives the folder back. */
  close(): Promise<void>;
}

/** Takes a folder for a start: empty, absent, or one that a start made. Anything else is refused by name and left as it is. */
export async function openStartFolder(folder: string): Promise<StartFolder> {
  const names = (
    await readdir(folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw new UsageError(
        `${folder} cannot be used: ${error.code === 'ENOTDIR' ? 'it is not a folder' : error.message}. Name another folder with --output.`,
      );
    })
  ).filter((name) => !name.startsWith('run.lock'));
  const kept = await read(join(folder, marker));
  // Folders of versions that had no marker are known by their results.
  const earlier = await read(join(folder, 'results.json'));
  const own = kept?.kind === 'start' || (typeof earlier?.preset === 'string' && Array.isArray(earlier.methods));
  if (names.length > 0 && !own)
    throw new UsageError(
      `${folder} contains something other than a start run (${names.sort().slice(0, 5).join(', ')}${names.length > 5 ? ', …' : ''}). Give an empty or new folder with --output.`,
    );
  await mkdir(folder, { recursive: true });
  const unlock = await lockFolder({ folder });
  const write = (dataSeconds: number) =>
    writeAtomically({
      path: join(folder, marker),
      data: `${JSON.stringify({ format: 1, kind: 'start', dataSeconds }, null, 2)}\n`,
    });
  const result: StartFolder = {
    dataSeconds: typeof kept?.dataSeconds === 'number' ? kept.dataSeconds : 0,
    async noteData(seconds) {
      result.dataSeconds = seconds;
      await write(seconds);
    },
    close: unlock,
  };
  try {
    await write(result.dataSeconds);
  } catch (error) {
    await unlock();
    throw error;
  }
  return result;
}

async function read(path: string): Promise<Record<string, unknown> | undefined> {
  try {
    const value = parseJson({ text: await readTextFile({ path, maximumBytes: 16 * 2 ** 20 }), name: path });
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
