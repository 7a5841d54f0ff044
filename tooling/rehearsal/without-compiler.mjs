import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Programs that npx itself takes. */
const programs = ['node', 'npm', 'npx', 'sh', 'env', 'uname'];

/**
 * A path on which there is no compiler, only what npx needs; undefined on Windows, where a folder of links would not do.
 *
 * @param options.folder Where the links to the programs are put.
 */
export function pathWithoutCompiler({ folder }) {
  if (process.platform === 'win32') return undefined;
  mkdirSync(folder, { recursive: true });
  const places = process.env.PATH.split(delimiter);
  for (const name of programs) {
    const found = name === 'node' ? process.execPath : places.map((place) => join(place, name)).find(existsSync);
    if (found !== undefined && !existsSync(join(folder, name))) symlinkSync(found, join(folder, name));
  }
  return folder;
}
