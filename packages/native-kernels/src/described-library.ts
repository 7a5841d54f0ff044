import { readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { NativeSources } from './native-sources';

/** Metadata stored beside a compiled library. */
interface Description {
  /** Hash of the sources that it was compiled from. */
  sources: string;
  bytes: number;
}

const descriptionOf = (file: string) => join(dirname(file), 'library.json');

/** Writes a library's sources hash and size beside it: see {@link describedLibrary}. */
export async function describeLibrary({ file, sources }: { file: string; sources: NativeSources }): Promise<void> {
  const description: Description = { sources: sources.hash, bytes: (await stat(file)).size };
  await writeFile(descriptionOf(file), `${JSON.stringify(description)}\n`);
}

/**
 * Checks that a library is complete and was compiled from these sources, without loading it: loading a truncated file
 * can crash the process.
 *
 * @returns the file, or null with the reason, which is null if there is no library
 */
export async function describedLibrary({
  file,
  sources,
}: {
  file: string;
  sources: NativeSources;
}): Promise<{ file: string } | { file: null; reason: string | null }> {
  let found: Partial<Description>;
  try {
    found = JSON.parse(await readFile(descriptionOf(file), 'utf8')) as Partial<Description>;
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    return { file: null, reason: missing ? null : `${descriptionOf(file)} cannot be read` };
  }
  const size = await stat(file).then(
    ({ size: bytes }) => bytes,
    () => null,
  );
  if (size === null) return { file: null, reason: `${file} is missing` };
  if (size !== found.bytes)
    return { file: null, reason: `${file} has ${size} bytes instead of ${String(found.bytes)}: it was cut short` };
  if (found.sources !== sources.hash)
    return { file: null, reason: `${file} was compiled from other sources: install versions that belong together` };
  return { file };
}
