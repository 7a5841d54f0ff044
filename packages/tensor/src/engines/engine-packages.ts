import { EngineError } from '../errors';
import type { Engine } from './engine';
import { findPackage, packagePlaces } from './package-places';

/*
 * Engines by convention: the package `@subtext/engine-NAME`, installed next to this one, exports its `Engine` as `engine`.
 * `packagePlaces` defines "next to", which never includes the folder that a command runs in.
 */

const prefix = 'engine-';
/** Packages such as `engine-native-linux-x64` hold an engine's binaries for one platform. */
const forOnePlatform = /-(aix|android|darwin|freebsd|linux|openbsd|sunos|win32)-/;
const inNode = () => typeof process !== 'undefined' && Boolean(process.versions?.node);

/** Names of the engines whose packages are installed next to this one. Empty outside Node, where engines are registered. */
export async function enginePackages(): Promise<string[]> {
  if (!inNode()) return [];
  const [{ readdir }, { join }] = await Promise.all([import('node:fs/promises'), import('node:path')]);
  const names = new Set<string>();
  for (const place of await packagePlaces({ from: import.meta.url })) {
    const entries = await readdir(join(place, '@subtext')).catch(() => []);
    for (const entry of entries)
      if (entry.startsWith(prefix) && !forOnePlatform.test(entry)) names.add(entry.slice(prefix.length));
  }
  return [...names].sort();
}

/** The engine of a package; null if it is not installed. If it fails to load, an engine that reports why. */
export async function loadEnginePackage(name: string): Promise<Engine | null> {
  if (!inNode() || !/^[a-z][a-z0-9-]*$/.test(name)) return null;
  const specifier = `@subtext/${prefix}${name}`;
  const found = await findPackage({ name: specifier, places: await packagePlaces({ from: import.meta.url }) });
  if (!found) return null;
  try {
    const { engine } = (await import(/* @vite-ignore */ specifier)) as { engine?: Engine };
    if (engine?.name === name) return engine;
    throw new Error(`it exports no engine of the name '${name}'`);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
    return {
      name,
      backend: `${specifier}, which does not load`,
      summary: `the package ${specifier}, which does not load`,
      capabilities: {
        threads: 'one',
        largestWeights: 0,
        largestMemory: 0,
        synchronousReads: false,
        dtypes: [],
        trainingState: 'engine',
      },
      installed: async () => ({ package: specifier, version: found.version }),
      load: () =>
        Promise.reject(
          new EngineError({
            engine: name,
            code: 'engine-unavailable',
            message: `${name}: ${specifier} does not load (${why}). Install the version that belongs to this @subtext/tensor.`,
            cause,
          }),
        ),
      preference: () => 0,
      advice: () => null,
    };
  }
}
