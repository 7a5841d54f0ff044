import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findCompiler, runCommand } from '@subtext/native-kernels';
import { stderrGateSource } from './stderr-gate';

/** The libraries that TensorFlow's wheel carries, without their version. */
const libraryNames = ['libtensorflow_cc', 'libtensorflow_framework'];

export interface CompileBindingOptions {
  /** Folder of the tfjs-node package: its `binding/` is compiled into its `lib/`. */
  packageFolder: string;
  /** `deps/tensorflow`, relative to the package: where the wheel's libraries lie. */
  libraryFolder: string;
  /** Folder of the `node-api-headers` package. */
  nodeHeaders: string;
  signal?: AbortSignal;
}

/**
 * Compiles tfjs-node's binding (two C++ files) against the libraries of TensorFlow's own wheel. Libraries are found
 * relative to the binding, so that the folder may move.
 *
 * @throws CommandError if the C++ compiler fails; Error if there is none or the libraries are missing.
 */
export async function compileBinding({
  packageFolder,
  libraryFolder,
  nodeHeaders,
  signal,
}: CompileBindingOptions): Promise<void> {
  const compiler = await findCompiler();
  const libraries = join(packageFolder, libraryFolder);
  const present = await readdir(libraries);
  const linked: string[] = [];
  for (const name of libraryNames) {
    // `libtensorflow_cc.so.2` on Linux, `libtensorflow_cc.2.dylib` on macOS.
    const file = present.find(
      (candidate) => candidate.startsWith(`${name}.`) && /\.(so(\.\d+)*|dylib)$/.test(candidate),
    );
    if (!file) {
      throw new Error(`${libraries} has no ${name}: is this TensorFlow for ${process.platform}?`);
    }
    linked.push(join(libraryFolder, file));
  }
  // tfjs-node looks in the folder of the newest Node-API that it knows (8) and this Node has (8 or more since 12.22).
  const folder = join('lib', 'napi-v8');
  await mkdir(join(packageFolder, folder), { recursive: true });
  const origin = process.platform === 'darwin' ? '@loader_path' : '$ORIGIN';
  const include = join(nodeHeaders, 'include');
  const platformFlags = process.platform === 'darwin' ? ['-undefined', 'dynamic_lookup'] : [];
  await runCommand({
    command: compiler.command,
    args: [
      ...compiler.args,
      '-O2',
      '-std=c++17',
      '-fPIC',
      '-shared',
      '-DNAPI_VERSION=8',
      `-I${include}`,
      '-Ibinding',
      `-I${join(libraryFolder, 'include')}`,
      'binding/tfjs_backend.cc',
      'binding/tfjs_binding.cc',
      '-o',
      join(folder, 'tfjs_binding.node'),
      `-Wl,-rpath,${origin}/../../${libraryFolder}`,
      ...linked,
      ...platformFlags,
    ],
    folder: packageFolder,
    timeoutMilliseconds: 600_000,
    signal,
  });
  await writeFile(join(packageFolder, 'lib', 'stderr_gate.c'), stderrGateSource);
  await runCommand({
    command: compiler.command,
    args: [
      ...compiler.args,
      '-x',
      'c',
      '-O2',
      '-fPIC',
      '-shared',
      '-DNAPI_VERSION=8',
      `-I${include}`,
      'lib/stderr_gate.c',
      '-o',
      'lib/stderr_gate.node',
      ...platformFlags,
    ],
    folder: packageFolder,
    timeoutMilliseconds: 120_000,
    signal,
  });
}
