import { mkdir, rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

import { compileBinding } from './compile-binding';
import { runCommand } from '@subtext/native-kernels';
import { librariesAt, librariesThroughPython, placeLibraries } from './tensorflow-libraries';
import type { InstallProgress } from './installation';

/** The tfjs-node that fits the TensorFlow.js in use, and the headers its binding is compiled with. */
export const packages = { '@tensorflow/tfjs-node': '4.22.0', 'node-api-headers': '1.9.0' };

/** tfjs-node and what it needs, but not its own copy of TensorFlow.js: it must run on the one in use. */
export async function installPackages(
  stage: string,
  signal: AbortSignal | undefined,
  onLine: (line: string) => void,
): Promise<string> {
  await rm(stage, { recursive: true, force: true });
  await mkdir(join(stage, 'in-use'), { recursive: true });
  await writeFile(
    join(stage, 'in-use', 'package.json'),
    JSON.stringify({
      name: '@tensorflow/tfjs',
      version: packages['@tensorflow/tfjs-node'],
      description: 'Stands for the TensorFlow.js in use',
    }),
  );
  await writeFile(
    join(stage, 'package.json'),
    JSON.stringify(
      {
        name: 'subtext-engine-tensorflow',
        private: true,
        dependencies: packages,
        overrides: { '@tensorflow/tfjs': 'file:./in-use' },
      },
      null,
      2,
    ),
  );
  await runCommand({
    command: 'npm',
    args: ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'],
    folder: stage,
    onLine,
    signal,
  });
  return join(stage, 'node_modules', '@tensorflow', 'tfjs-node');
}

/** The package's own way: libtensorflow 2.9.1 and a binding from Google's storage. */
export async function downloadFromGoogle({
  stage,
  packageFolder,
  gpu,
  signal,
  onLine,
}: {
  stage: string;
  packageFolder: string;
  gpu: boolean;
  signal?: AbortSignal;
  onLine: (line: string) => void;
}): Promise<void> {
  await runCommand({
    command: process.execPath,
    args: ['scripts/install.js', gpu ? 'gpu' : 'cpu', 'download'],
    folder: packageFolder,
    // The script starts node-pre-gyp by name.
    environment: { PATH: [join(stage, 'node_modules', '.bin'), process.env.PATH].join(delimiter) },
    onLine,
    timeoutMilliseconds: 1_800_000,
    signal,
  });
}

export async function takeFromWheel({
  path,
  stage,
  packageFolder,
  downloads,
  gpu,
  signal,
  report,
}: {
  path: string | null;
  stage: string;
  packageFolder: string;
  downloads: string;
  gpu: boolean;
  signal?: AbortSignal;
  report: (stage: InstallProgress['stage'], message: string, fraction?: number | null) => void;
}): Promise<void> {
  if (process.platform === 'win32') {
    throw new Error(
      'TensorFlow’s wheels for Windows carry no library to compile against. Use WSL, or the wasm engine.',
    );
  }
  const source =
    path === null
      ? await librariesThroughPython({ gpu, downloads, signal, onLine: (line) => report('download', line) })
      : await librariesAt(path);
  report(
    'unpack',
    `Unpacking TensorFlow’s libraries from ${source.kind === 'wheels' ? source.files[0]! : source.folder}`,
    0,
  );
  await placeLibraries({
    source,
    target: join(packageFolder, 'deps'),
    onProgress: (fraction) => report('unpack', 'Unpacking TensorFlow’s libraries', fraction),
  });
  signal?.throwIfAborted();
  report('compile', 'Compiling the binding');
  await compileBinding({
    packageFolder,
    libraryFolder: 'deps/tensorflow',
    nodeHeaders: join(stage, 'node_modules', 'node-api-headers'),
    signal,
  });
}
