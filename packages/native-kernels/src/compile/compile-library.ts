import { mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { describedLibrary, describeLibrary } from '../described-library';
import type { NativeSources } from '../native-sources';
import { findCompiler } from './executables';
import { isRunning } from './is-running';
import { runCommand } from './run-command';

/** Levels of x64 processors: the kernels are compiled for each, and the library takes the best one that it finds itself on. */
const levels = [
  { name: 'baseline', flags: [] },
  { name: 'avx2', flags: ['-mavx2', '-mfma'] },
  {
    name: 'avx512',
    flags: ['-mavx512f', '-mavx512bw', '-mavx512dq', '-mavx512vl', '-mfma', '-mprefer-vector-width=512'],
  },
] as const;

export interface CompileLibraryOptions {
  sources: NativeSources;
  /** The library to make. The folder that it lies in is this compilation's own, and appears in one step. */
  file: string;
  /** Compile even if a library is there that works. @default false */
  force?: boolean;
  /** Further arguments of the compiler. */
  definitions?: readonly string[];
  /** Further arguments for linking. */
  linking?: readonly string[];
  /** The processor to compile for. @default this process's */
  architecture?: NodeJS.Architecture;
  /** Called before the compiler runs. */
  onStart?: () => void;
  /** Called with the finished library before it takes its place; throws if it does not work. */
  verify: (file: string) => Promise<void>;
  signal?: AbortSignal;
}

/**
 * Compiles the kernels and an engine's binding to a shared library, unless it is there already. It is made beside its
 * place and moved there in one step: a compilation that was killed is never used, and processes that compile at once do
 * not disturb each other.
 *
 * @returns the library's file
 * @throws CommandError if the C++ compiler fails; Error if there is none
 */
export async function compileLibrary({
  sources,
  file,
  force = false,
  definitions = [],
  linking = [],
  architecture = process.arch,
  onStart,
  verify,
  signal,
}: CompileLibraryOptions): Promise<string> {
  const isThere = async () => (await describedLibrary({ file, sources })).file !== null && (await works(file, verify));
  if (!force && (await isThere())) return file;
  const compiler = await findCompiler();
  onStart?.();
  const place = dirname(file);
  const stage = `${place}.partial-${process.pid}`;
  await removeLeftovers(dirname(place));
  await mkdir(stage, { recursive: true });
  const compile = (args: readonly string[], timeoutMilliseconds: number) =>
    runCommand({
      command: compiler.command,
      args: [...compiler.args, ...args],
      folder: stage,
      timeoutMilliseconds,
      signal,
    });
  try {
    const built = architecture === 'x64' ? levels : levels.slice(0, 1);
    const jobs = sources.files
      .filter((source) => source.endsWith('.cc'))
      .flatMap((source) => {
        const name = basename(source, '.cc');
        if (name === 'kernels')
          return built.map((level) => ({
            source,
            object: level.name,
            flags: [`-DSUBTEXT_LEVEL=${level.name}`, ...level.flags],
          }));
        return [{ source, object: name, flags: built.length > 1 ? ['-DSUBTEXT_HAS_LEVELS'] : [] }];
      })
      // The longest first.
      .sort((first, second) => second.flags.length - first.flags.length);
    const next = jobs.values();
    // Side by side, a compiler for each processor: each level takes one some ten seconds, and some hundred megabytes.
    await Promise.all(
      Array.from({ length: Math.min(8, availableParallelism()) }, async () => {
        for (const { source, object, flags } of next)
          await compile(
            [
              '-O3',
              '-std=c++17',
              '-fPIC',
              '-fvisibility=hidden',
              '-fno-math-errno',
              '-fno-trapping-math',
              '-Wno-psabi',
              `-DSUBTEXT_SOURCES="${sources.hash}"`,
              ...sources.folders.map((folder) => `-I${folder}`),
              ...definitions,
              ...flags,
              ...['-c', source, '-o', `${object}.o`],
            ],
            600_000,
          );
      }),
    );
    const objects = jobs.map(({ object }) => `${object}.o`);
    const made = join(stage, basename(file));
    await compile(
      ['-shared', '-o', made, ...objects, '-pthread', ...(process.platform === 'linux' ? ['-ldl'] : []), ...linking],
      120_000,
    );
    await Promise.all(objects.map((object) => rm(join(stage, object))));
    await verify(made);
    await describeLibrary({ file: made, sources });
    // Another process may have been quicker: what it made is the same.
    if (!force && (await isThere())) return file;
    await rm(place, { recursive: true, force: true });
    await rename(stage, place).catch(async (error: unknown) => {
      if (!(await isThere())) throw error;
    });
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
