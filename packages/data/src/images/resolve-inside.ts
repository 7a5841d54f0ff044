import { realpathSync } from 'node:fs';
import { isAbsolute, relative, resolve, sep } from 'node:path';

function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

/**
 * A path given by a data file, resolved inside its folder. Absolute paths, `..` and symbolic links that lead out are
 * refused, because data files come from strangers.
 *
 * @param options.root a folder that the path must lie in as well, where `folder` itself may be a link. Default `folder`
 */
export function resolveInside(options: {
  folder: string;
  path: string;
  root?: string;
}): { path: string } | { problem: 'missing' | 'outside' } {
  const folder = resolve(options.folder);
  if (isAbsolute(options.path) || options.path.includes('\0')) return { problem: 'outside' };
  const path = resolve(folder, options.path);
  if (!isInside(folder, path)) return { problem: 'outside' };
  try {
    const real = realpathSync.native(path);
    if (
      !isInside(realpathSync.native(folder), real) ||
      (options.root !== undefined && !isInside(realpathSync.native(resolve(options.root)), real))
    )
      return { problem: 'outside' };
  } catch {
    return { problem: 'missing' };
  }
  return { path };
}
