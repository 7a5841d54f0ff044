import { engineHome } from '@subtext/tensor/engine';

/** The C++ sources of the `tensorflow` engine's own kernels. */
export interface NativeSources {
  /** This package's `native/`. */
  folder: string;
  /** Names of the files, sorted. */
  files: string[];
  /** SHA-256 over names and contents. */
  hash: string;
}

/** The sources that came with this package; null where it was bundled without them. Node only. */
export async function nativeSources(): Promise<NativeSources | null> {
  const [{ createHash }, { existsSync, readdirSync, readFileSync }, { dirname, join }, { fileURLToPath }] =
    await Promise.all([import('node:crypto'), import('node:fs'), import('node:path'), import('node:url')]);
  // From `dist/` or from `src/` up to the package.
  for (let place = dirname(fileURLToPath(import.meta.url)); place !== dirname(place); place = dirname(place)) {
    const folder = join(place, 'native');
    if (!existsSync(join(folder, 'operations.cc'))) continue;
    const files = readdirSync(folder)
      .filter((name) => /\.(cc|h)$/.test(name))
      .sort();
    const hash = createHash('sha256');
    for (const file of files) hash.update(`${file}\n`).update(readFileSync(join(folder, file)));
    return { folder, files, hash: hash.digest('hex') };
  }
  return null;
}

/**
 * Where the kernels compiled for a tfjs-node package lie, whether or not they are there: another version of the sources
 * or another TensorFlow has another place, so that neither is ever loaded with the other's.
 *
 * @param packageFolder the folder of `@tensorflow/tfjs-node`
 * @param home where Subtext keeps engines, @default see `engineHome`
 */
export async function nativeKernelsFile({
  packageFolder,
  sources,
  home,
}: {
  packageFolder: string;
  sources: NativeSources;
  home?: string;
}): Promise<string> {
  const [{ createHash }, { join }] = await Promise.all([import('node:crypto'), import('node:path')]);
  const key = createHash('sha256')
    .update([sources.hash, packageFolder, process.platform, process.arch].join('\n'))
    .digest('hex')
    .slice(0, 16);
  return join(home ?? (await engineHome()), 'tensorflow-kernels', key, 'subtext_kernels.node');
}
