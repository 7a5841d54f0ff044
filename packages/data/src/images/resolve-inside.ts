import { realpathSync } from 'node:fs';
import { isAbsolute, relative, resolve, sep } from 'node:path';

function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

/**
 * A path given by a data file, resolved inside its folder. Absolute paths, `..` and symbolic links that lead out are
 * refused, because data files come from strangers.
 */
export function resolveInside(options: { folder: string; path: string }): { path: string } | { problem: 'missing' | 'outside' } {
  const folder = resolve(options.folder);
  if (isAbsolute(options.path) || options.path.includes('\0')) return { problem: 'outside' };
  const path = resolve(folder, options.path);
  if (!isInside(folder, path)) return { problem: 'outside' };
  try {
    if (!isInside(realpathSync.native(folder), realpathSync.native(path))) return { problem: 'outside' };
  } catch {
    return { problem: 'missing' };
  }
  return { path };
}
