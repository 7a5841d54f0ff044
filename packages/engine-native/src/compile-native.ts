import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { compileLibrary, findCompiler, runCommand } from '@subtext/native-kernels';
import { compiledFile, ownSources } from './library-file';

/** Subtext's kernels, compiled on this machine. */
export interface NativeCompilation {
  file: string;
  /** Compilation time; 0 if it was already compiled. */
  seconds: number;
}

/** Link the C++ runtime statically, so that the target machine may have an older one. */
const linking = (platform: string) => (platform === 'darwin' ? [] : ['-static-libstdc++', '-static-libgcc']);

function sourcesHere() {
  const sources = ownSources();
  if (!sources) throw new Error('this copy of @subtext/engine-native has no native/ folder to compile.');
  return sources;
}

/**
 * Compiles the library for this machine's system and processor into the home of engines (`$SUBTEXT_ENGINES`, else
 * the user's cache folder), unless it is there.
 *
 * @throws CommandError where the C++ compiler fails; Error where there is none.
 */
export async function compileNative({
  force = false,
  home,
  onStart,
  signal,
}: {
  /** Compile even if it is there. @default false */
  force?: boolean;
  /** @default see `engineHome` */
  home?: string;
  /** Called before compiling. */
  onStart?: () => void;
  signal?: AbortSignal;
} = {}): Promise<NativeCompilation> {
  const sources = sourcesHere();
  const began = performance.now();
  let compiled = false;
  const file = await compileLibrary({
    sources,
    file: await compiledFile({ sources, home }),
    force,
    signal,
    linking: linking(process.platform),
    verify: (made) => verifyLibrary(made, signal),
    onStart: () => {
      compiled = true;
      onStart?.();
    },
  });
  return { file, seconds: compiled ? (performance.now() - began) / 1000 : 0 };
}

/**
 * Compiles the library for a package of another platform, or this one: what a release does. `CXX` names the compiler,
 * which for another processor has to be a cross compiler. It is tried where it can run here.
 *
 * @returns the library and what is said beside it
 * @throws as {@link compileNative}
 */
export async function compileLibraryFor({
  platform,
  architecture,
  home,
}: {
  platform: NodeJS.Platform;
  architecture: NodeJS.Architecture;
  /** @default see `engineHome` */
  home?: string;
}): Promise<{ file: string; description: string }> {
  const sources = sourcesHere();
  const here = platform === process.platform && architecture === process.arch;
  const file = await compileLibrary({
    sources,
    file: await compiledFile({ sources, home, platform, architecture }),
    architecture,
    linking: linking(platform),
    verify: async (made) => (here ? verifyLibrary(made) : undefined),
  });
  return { file, description: join(dirname(file), 'library.json') };
}

/** The C++ compiler in use, or the reason why there is none. */
export async function nativeCompiler(): Promise<{ command: string } | { command: null; reason: string }> {
  try {
    return { command: (await findCompiler()).command };
  } catch (error) {
    return { command: null, reason: (error as Error).message };
  }
}

/** Tests the library in a separate process, so that a broken one cannot crash this one. */
async function verifyLibrary(file: string, signal?: AbortSignal): Promise<void> {
  const program = `
    const koffi = require(${JSON.stringify(createRequire(import.meta.url).resolve('koffi'))});
    const library = koffi.load(${JSON.stringify(file)});
    const name = library.func('const char *subtext_operation(int32_t)');
    const run = library.func('int32_t subtext_run(int32_t, void *, double, void *, int32_t, int32_t, void *, int32_t, void *, int32_t)');
    let operation = 0;
    while (name(operation) !== 'SubtextSumRows') if (name(operation++) === null) throw new Error('an operation is missing');
    const numbers = Float32Array.of(1, 2, 3, 4, 5, 6, 0, 0);
    const memory = new Uint8Array(numbers.buffer);
    const places = Float64Array.of(0, 2, 3, 2, 0, 0, 0, 0, 24, 1, 2, 0, 0, 0, 0, 0);
    run(operation, memory, memory.length, places, 1, 1, new Float32Array(1), 0, new Uint8Array(256), 256);
    console.log(JSON.stringify([...numbers.slice(6)]));
  `;
  const output = await runCommand({
    command: process.execPath,
    args: ['-e', program],
    folder: process.cwd(),
    timeoutMilliseconds: 60_000,
    signal,
  });
  if (output.trim() !== '[9,12]') throw new Error(`the library computes ${output.trim()} instead of [9,12].`);
}
