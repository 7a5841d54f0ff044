/**
 * Where optional packages with code of their own (tfjs-node, webgpu) may come from. Never from the folder that a command
 * happens to run in, or from above it: whoever can write there, such as the author of a data set, would have code run.
 */

/** A package on this machine. */
export interface FoundPackage {
  /** Its package.json. */
  manifest: string;
  /** Its folder. */
  folder: string;
  version: string;
  main: string | undefined;
}

/**
 * The folders named node_modules, the first first: of the project that a package is installed in (or its workspace), from
 * its own place upwards; those that `NODE_PATH` names; and those added. Node only.
 */
export async function packagePlaces({
  from,
  also = [],
}: {
  /** The `import.meta.url` of the package that asks. */ from: string;
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
    // `packages/tensor`, its parent, and the workspace's own folder: no further, since above lie folders of others.
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

/** A package in the first of these node_modules that has it, or null. Node only. */
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
      // Not there, or no package: looked for in the next place.
    }
  }
  return null;
}
