/**
 * Where optional packages with native code (tfjs-node, webgpu) may be loaded from. Never from the current folder or above
 * it: anyone who can write there, such as the author of a data set, could run code.
 */

/** A package found on this machine. */
export interface FoundPackage {
  /** Path of its package.json. */
  manifest: string;
  /** Its folder. */
  folder: string;
  version: string;
  main: string | undefined;
}

/**
 * The node_modules folders to search, in order: those of the project (or workspace) that a package is installed in,
 * from its location upwards; those in `NODE_PATH`; and those in `also`. Node only.
 */
export async function packagePlaces({
  from,
  also = [],
}: {
  /** `import.meta.url` of the calling package. */ from: string;
  also?: readonly string[];
}): Promise<string[]> {
  const [{ existsSync, readFileSync }, { delimiter, dirname, isAbsolute, join, sep }, { fileURLToPath }] =
    await Promise.all([import('node:fs'), import('node:path'), import('node:url')]);
  const place = dirname(fileURLToPath(from));
  const root = projectOf(place);
  const own: string[] = [];
  for (let folder = place; ; folder = dirname(folder)) {
    if (!folder.endsWith(`${sep}node_modules`)) own.push(join(folder, 'node_modules'));
    if (folder === root || folder === dirname(folder)) break;
  }
  const named = (process.env.NODE_PATH ?? '').split(delimiter).filter(isAbsolute);
  return [...own, ...named, ...also];

  /** The folder that holds the outermost node_modules around the package, or the workspace that it is part of. */
  function projectOf(start: string): string {
    const outermost = start.indexOf(`${sep}node_modules${sep}`);
    if (outermost >= 0) return start.slice(0, outermost) || sep;
    let own = start;
    while (!existsSync(join(own, 'package.json')) && own !== dirname(own)) own = dirname(own);
    // `packages/tensor`, its parent, and the workspace folder, but no further: folders above may belong to others.
    const marked = [own, dirname(own), dirname(dirname(own))].find(
      (folder) => existsSync(join(folder, 'pnpm-workspace.yaml')) || isWorkspace(join(folder, 'package.json')),
    );
    return marked ?? own;
  }

  function isWorkspace(file: string): boolean {
    try {
      return typeof (JSON.parse(readFileSync(file, 'utf8')) as { workspaces?: unknown }).workspaces === 'object';
    } catch {
      return false;
    }
  }
}

/** Finds a package in the first of these node_modules folders that has it, or null. Node only. */
export async function findPackage({
  name,
  places,
}: {
  name: string;
  places: readonly string[];
}): Promise<FoundPackage | null> {
  const [{ readFileSync }, { dirname, join }] = await Promise.all([import('node:fs'), import('node:path')]);
  for (const place of places) {
    try {
      const manifest = join(place, name, 'package.json');
      const { version, main } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string; main?: string };
      return { manifest, folder: dirname(manifest), version, main };
    } catch {
      // Missing, or not a package: try the next folder.
    }
  }
  return null;
}
