import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describedLibrary, nativeFolder, nativeSources, type NativeSources } from '@subtext/native-kernels';
import { engineHome } from '@subtext/tensor/engine';

/** The kernels and this package's binding to them; null where it was bundled without them. */
export function ownSources(): NativeSources | null {
  return nativeSources(nativeFolder(import.meta.url));
}

/** Whether this is a clone of the repository, which compiles its own library, rather than an installed package. */
export function inClone(): boolean {
  return !fileURLToPath(import.meta.url).includes(`${sep}node_modules${sep}`);
}

/** The name of the library's file. */
export function platformLibraryName(platform: string = process.platform): string {
  if (platform === 'win32') return 'subtext_native.dll';
  return platform === 'darwin' ? 'libsubtext_native.dylib' : 'libsubtext_native.so';
}

/** Platforms with prebuilt packages. */
export const platforms: readonly { platform: NodeJS.Platform; architecture: NodeJS.Architecture }[] = [
  { platform: 'linux', architecture: 'x64' },
  { platform: 'linux', architecture: 'arm64' },
  { platform: 'darwin', architecture: 'arm64' },
  { platform: 'darwin', architecture: 'x64' },
  { platform: 'win32', architecture: 'x64' },
];

/** The package that carries the library for a platform. */
export function platformPackage({
  platform = process.platform,
  architecture = process.arch,
}: { platform?: string; architecture?: string } = {}): string {
  return `@subtext/engine-native-${platform}-${architecture}`;
}

/** Path of the library compiled on this machine, whether or not it exists; it depends on the sources. */
export async function compiledFile({
  sources,
  home,
  platform = process.platform,
  architecture = process.arch,
}: {
  sources: NativeSources;
  /** @default see `engineHome` */
  home?: string;
  platform?: string;
  architecture?: string;
}): Promise<string> {
  const key = createHash('sha256').update([sources.hash, platform, architecture].join('\n')).digest('hex').slice(0, 16);
  return join(home ?? (await engineHome()), 'native-kernels', key, platformLibraryName(platform));
}

/** A library that matches these sources, or the reason why there is none. */
export type FoundLibrary = { file: string; origin: 'compiled' | 'package' } | { file: null; reason: string };

/** Finds the library: the one compiled on this machine, otherwise the platform package's. Does not load it. */
export async function findLibrary(): Promise<FoundLibrary> {
  const sources = ownSources();
  if (!sources) return { file: null, reason: 'this copy of @subtext/engine-native has no native/ folder' };
  const compiled = await describedLibrary({ file: await compiledFile({ sources }), sources });
  if (compiled.file !== null) return { file: compiled.file, origin: 'compiled' };
  const name = platformPackage();
  let manifest: string;
  try {
    manifest = createRequire(import.meta.url).resolve(`${name}/package.json`);
  } catch {
    return {
      file: null,
      reason: compiled.reason ?? (inClone() ? 'it has not been compiled' : `${name} is not installed`),
    };
  }
  const shipped = await describedLibrary({ file: join(dirname(manifest), platformLibraryName()), sources });
  if (shipped.file !== null) return { file: shipped.file, origin: 'package' };
  return { file: null, reason: `${name}: ${shipped.reason ?? 'it has no library'}` };
}
