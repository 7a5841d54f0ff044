import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { firstTells, noPeers, type Peers, shareOut, syncFolder } from '@subtext/core/node';
import { DataError } from '../errors';

/** The file of a generated folder that says how it was made. */
export const manifestName = 'dataset.json';

/** What is in the folder: nothing, this very set, or something else, which is refused. */
function inspect(folder: string, manifest: string): 'free' | 'same' {
  let entries: string[];
  try {
    entries = readdirSync(folder);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return 'free';
    throw new DataError({
      code: 'invalid-option',
      file: folder,
      message: `this is not a folder to write to (${(cause as Error).message}).`,
      cause,
    });
  }
  if (entries.length === 0) return 'free';
  if (entries.includes(manifestName) && readFileSync(join(folder, manifestName), 'utf8') === manifest) return 'same';
  throw new DataError({
    code: 'invalid-option',
    file: folder,
    message: 'the folder holds other files, or data made with other options; remove it or name another.',
  });
}

/**
 * Writes a folder of data whole or not at all: under a passing name beside it, renamed when complete. A folder that
 * holds the same manifest already is kept as it is.
 * @returns whether the folder was written now or was there before
 * @throws DataError `invalid-option` for a folder with anything else in it
 */
export async function writeFolder(options: {
  folder: string;
  manifest: object;
  /** The processes that write together, of which the first one has the folder. @default this one by itself */
  peers?: Peers;
  /** Called in every process. */
  write: (partial: string) => Promise<void>;
}): Promise<'written' | 'kept'> {
  const { peers = noPeers, write } = options;
  const folder = resolve(options.folder);
  const manifest = `${JSON.stringify(options.manifest, null, 2)}\n`;
  const partial = await firstTells({
    peers,
    work() {
      if (inspect(folder, manifest) === 'same') return undefined;
      const name = join(dirname(folder), `.${basename(folder)}.partial-${randomBytes(4).toString('hex')}`);
      mkdirSync(name, { recursive: true });
      return name;
    },
  });
  if (partial === undefined) return 'kept';
  try {
    await write(partial);
    // No more than a meeting: all have written.
    await shareOut({ peers, count: 0, work: () => undefined });
    await firstTells({
      peers,
      async work() {
        writeFileSync(join(partial, manifestName), manifest);
        rmSync(folder, { recursive: true, force: true }); // empty, or absent: inspect saw to that
        renameSync(partial, folder);
        await syncFolder(dirname(folder));
      },
    });
  } catch (cause) {
    if (peers.rank === 0) rmSync(partial, { recursive: true, force: true });
    throw cause;
  }
  return 'written';
}
