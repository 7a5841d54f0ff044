import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** C++ sources that are compiled together. */
export interface NativeSources {
  /** The folders that they lie in. */
  folders: string[];
  /** Paths of the files: those of the first folder first, sorted in each. */
  files: string[];
  /** SHA-256 over names and contents. */
  hash: string;
}

/** A package's folder `native/`, from a module in its `src/` or `dist/`; null where it was bundled without it. */
export function nativeFolder(module: string): string | null {
  for (let place = dirname(fileURLToPath(module)); place !== dirname(place); place = dirname(place)) {
    const folder = join(place, 'native');
    if (existsSync(folder) && existsSync(join(place, 'package.json'))) return folder;
    if (existsSync(join(place, 'package.json'))) return null;
  }
  return null;
}

/**
 * The kernels' sources together with an engine's own binding to them; null where one of the two is not there.
 *
 * @param binding the engine's folder of sources, as {@link nativeFolder} finds it
 */
export function nativeSources(binding: string | null): NativeSources | null {
  const own = nativeFolder(import.meta.url);
  if (own === null || binding === null) return null;
  const folders = [own, binding];
  const files: string[] = [];
  const hash = createHash('sha256');
  for (const folder of folders) {
    for (const name of readdirSync(folder).sort()) {
      if (!/\.(cc|h)$/.test(name)) continue;
      const file = join(folder, name);
      files.push(file);
      hash.update(`${name}\n`).update(readFileSync(file));
    }
  }
  return { folders, files, hash: hash.digest('hex') };
}
