import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { HubError } from '../hub-error';

/** A file to upload. */
export interface PushFile {
  /** Path in the repository, separated by `/`. */
  path: string;
  /** Size in bytes. */
  size: number;
  /** File to read from, or generated text. */
  source: { file: string } | { text: string };
}

/** Never part of a model: hidden files, locks, partial files, checkpoints of a run. */
const leftOut = /^\.|\.lock$|\.temporary$|\.incomplete$|^node_modules$|^checkpoints$/;
/** Maximum number of files; a model has a few dozen. */
const mostFiles = 10_000;

/**
 * Lists the files of a folder that would be uploaded, sorted by path. Links are not followed.
 *
 * @throws HubError `not-found` if the folder does not exist or is empty, `input-output`
 */
export async function planPush({
  folder,
  texts = {},
}: {
  folder: string;
  /** Additional or replacement text files by path, such as a model card. @default none */
  texts?: Readonly<Record<string, string>>;
}): Promise<PushFile[]> {
  const files = new Map<string, PushFile>();
  const look = async (inside: string): Promise<void> => {
    const entries = await readdir(join(folder, inside), { withFileTypes: true }).catch((cause: unknown) => {
      throw new HubError({
        code: inside === '' ? 'not-found' : 'input-output',
        message: `${join(folder, inside)}: this folder can't be read (${(cause as Error).message})`,
        cause,
      });
    });
    for (const entry of entries) {
      if (leftOut.test(entry.name)) continue;
      const path = inside === '' ? entry.name : `${inside}/${entry.name}`;
      if (entry.isDirectory()) await look(path);
      else if (entry.isFile()) {
        const file = join(folder, path);
        files.set(path, { path, size: (await stat(file)).size, source: { file } });
      }
      if (files.size > mostFiles)
        throw new HubError({
          code: 'input-output',
          message: `${folder} has more than ${mostFiles} files; a model has a few dozen. Give the folder of a single model`,
        });
    }
  };
  await look('');
  if (files.size === 0) throw new HubError({ code: 'not-found', message: `${folder} has no files to push` });
  for (const [path, text] of Object.entries(texts))
    files.set(path, { path, size: Buffer.byteLength(text), source: { text } });
  return [...files.values()].sort((one, other) => (one.path < other.path ? -1 : 1));
}
