import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** How many numbers the weights of models hold, by the sizes of their files. */
export async function numbersIn(folders: readonly string[]): Promise<number> {
  let bytes = 0;
  for (const folder of folders)
    for (const name of await readdir(folder))
      if (name.endsWith('.safetensors')) bytes += (await stat(join(folder, name))).size;
  return Math.round(bytes / 4);
}
