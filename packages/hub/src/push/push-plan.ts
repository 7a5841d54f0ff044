import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { HubError } from '../hub-error';

/** A file that is to be pushed. */
export interface PushFile {
  /** Its path in the repository, with `/` between folders. */
  path: string;
  /** Its length in bytes. */
  size: number;
  /** Where it is read from; a text that is made for the push has none. */
  source: { file: string } | { text: string };
}

/** What never belongs to a model: hidden files, locks, files on their way, checkpoints of a run. */
const leftOut = /^\.|\.lock$|\.temporary$|\.incomplete$|^node_modules$|^checkpoints$/;
/** The most files of a push; a model has a few dozen. */
const mostFiles = 10_000;

/**
 * The files of a folder, in the order of their paths, as they would be pushed. Links are not followed.
 *
 * @throws HubError `not-found` where there is no such folder or nothing in it, `input-output`
 */
export async function planPush({
  folder,
  texts = {},
}: {
  folder: string;
  /** Texts by path that are pushed in a file's place or beside the files, such as a model card. @default none */
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
          message: `${folder} has more than ${mostFiles} files; a model has a few dozen. Name the model's own folder`,
        });
    }
  };
  await look('');
  if (files.size === 0) throw new HubError({ code: 'not-found', message: `${folder} has no files to push` });
  for (const [path, text] of Object.entries(texts))
    files.set(path, { path, size: Buffer.byteLength(text), source: { text } });
  return [...files.values()].sort((one, other) => (one.path < other.path ? -1 : 1));
}
