import { mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { nativeKernelsFile, nativeSources } from '../native-sources';
import { findCompiler } from './executables';
import { isRunning } from './is-running';
import { runCommand } from './run-command';

/** Levels of x64 processors: the kernels are compiled for each, and the module takes the best one that it finds itself on. */
const levels = [
  { name: 'baseline', flags: [] },
  { name: 'avx2', flags: ['-mavx2', '-mfma'] },
  {
    name: 'avx512',
    flags: ['-mavx512f', '-mavx512bw', '-mavx512dq', '-mavx512vl', '-mfma', '-mprefer-vector-width=512'],
  },
] as const;

/** Sources that are compiled once, whatever the processor. */
const forAllLevels = [
  'threads',
  'memory',
  'decoder-block',
  'transformer-block',
  'block-operations',
  'read-weights',
  'operations',
  'module',
] as const;

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
 * Compiles the kernels in `native/` against the TensorFlow of a tfjs-node package, unless they are there already, and
 * returns their file. They are made beside their place and moved there in one step.
 *
 * @throws CommandError if the C++ compiler fails; Error if there is none, or sources or libraries are missing.
 */
export async function compileKernels({
  packageFolder,
  home,
  force = false,
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
  const sources = await nativeSources();
  if (!sources) throw new Error('this copy of @subtext/engine-tensorflow has no native/ folder.');
  const file = await nativeKernelsFile({ packageFolder, sources, home });
  if (!force && (await works(file, verify))) return file;
  const libraries = await findLibraries(packageFolder);
  const compiler = await findCompiler();
  const place = dirname(file);
  const stage = `${place}.partial-${process.pid}`;
  await removeLeftovers(dirname(place));
  await mkdir(stage, { recursive: true });
  try {
    const compile = (source: string, object: string, flags: readonly string[]) =>
      runCommand({
        command: compiler.command,
        folder: stage,
        args: [
          ...compiler.args,
          '-O3',
          '-std=c++17',
          '-fPIC',
          '-fvisibility=hidden',
          '-fno-math-errno',
          '-fno-trapping-math',
          '-Wno-psabi',
          ...flags,
          '-c',
          join(sources.folder, source),
          '-o',
          join(stage, object),
        ],
        timeoutMilliseconds: 600_000,
        signal,
      });
    const built = process.arch === 'x64' ? levels : levels.slice(0, 1);
    const jobs = [
      ...built.map(({ name, flags }) => ['kernels', name, [`-DSUBTEXT_LEVEL=${name}`, ...flags]] as const),
      ['choose-kernels', 'choose-kernels', built.length > 1 ? ['-DSUBTEXT_HAS_LEVELS'] : []] as const,
      ...forAllLevels.map((name) => [name, name, []] as const),
    ].values();
    // Side by side, a compiler for each processor: each level takes one some ten seconds, and some hundred megabytes.
    await Promise.all(
      Array.from({ length: Math.min(8, availableParallelism()) }, async () => {
        for (const [source, object, flags] of jobs) await compile(`${source}.cc`, `${object}.o`, flags);
      }),
    );
    const objects = [...built.map(({ name }) => name), ...forAllLevels, 'choose-kernels'].map((name) =>
      join(stage, `${name}.o`),
    );
    const module = join(stage, 'subtext_kernels.node');
    await runCommand({
      command: compiler.command,
      folder: stage,
      args: [
        ...compiler.args,
        '-shared',
        '-o',
        module,
        ...objects,
        '-pthread',
        `-Wl,-rpath,${libraries.folder}`,
        ...libraries.files.map((name) => join(libraries.folder, name)),
        ...(process.platform === 'darwin' ? ['-undefined', 'dynamic_lookup'] : []),
      ],
      timeoutMilliseconds: 120_000,
      signal,
    });
    await Promise.all(objects.map((object) => rm(object)));
    await verify(module);
    await rm(place, { recursive: true, force: true });
    await rename(stage, place);
    return file;
  } finally {
    await rm(stage, { recursive: true, force: true });
    // Where nothing was compiled, not even an empty folder stays.
    await rmdir(dirname(place)).catch(() => {});
  }
}

/** Folders of compilations that were killed. */
async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const owner = /\.partial-(\d+)$/.exec(name)?.[1];
    if (owner && !isRunning(Number(owner))) await rm(join(folder, name), { recursive: true, force: true });
  }
}

async function works(file: string, verify: (file: string) => Promise<void>): Promise<boolean> {
  try {
    await verify(file);
    return true;
  } catch {
    return false;
  }
}
