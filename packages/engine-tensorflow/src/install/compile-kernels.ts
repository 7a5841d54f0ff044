import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { compileLibrary } from '@subtext/native-kernels';
import { nativeKernelsFile, tensorflowSources } from '../native-sources';

const libraryNames = ['libtensorflow_cc', 'libtensorflow', 'libtensorflow_framework'];

/** TensorFlow's libraries in a tfjs-node package: a wheel's in `deps/tensorflow`, its own download's in `deps/lib`. */
async function findLibraries(packageFolder: string): Promise<{ folder: string; files: string[] }> {
  for (const folder of [join(packageFolder, 'deps', 'tensorflow'), join(packageFolder, 'deps', 'lib')]) {
    const present = await readdir(folder).catch(() => []);
    const files = libraryNames.flatMap((name) =>
      present
        .filter((file) => file.startsWith(`${name}.`) && /\.(so(\.\d+)*|dylib)$/.test(file))
        .sort((a, b) => a.length - b.length)
        .slice(0, 1),
    );
    if (files.length >= 2) return { folder, files };
  }
  throw new Error(`${packageFolder} has no libraries of TensorFlow in deps/tensorflow or deps/lib.`);
}

/**
 * Compiles the kernels against the TensorFlow of a tfjs-node package, unless they are there already, and returns their
 * file: see `compileLibrary`.
 *
 * @throws CommandError if the C++ compiler fails; Error if there is none, or sources or libraries are missing.
 */
export async function compileKernels({
  packageFolder,
  home,
  force,
  signal,
  verify,
}: {
  packageFolder: string;
  home?: string;
  /** Compile even if they are there. */
  force?: boolean;
  signal?: AbortSignal;
  /** Called with the finished file before it takes its place; throws if it does not work. */
  verify: (file: string) => Promise<void>;
}): Promise<string> {
  const sources = tensorflowSources();
  if (!sources) throw new Error('this copy of @subtext/engine-tensorflow or of its kernels has no native/ folder.');
  const file = await nativeKernelsFile({ packageFolder, sources, home });
  const libraries = await findLibraries(packageFolder);
  return compileLibrary({
    sources,
    file,
    force,
    verify,
    signal,
    linking: [
      `-Wl,-rpath,${libraries.folder}`,
      ...libraries.files.map((name) => join(libraries.folder, name)),
      ...(process.platform === 'darwin' ? ['-undefined', 'dynamic_lookup'] : []),
    ],
  });
}
