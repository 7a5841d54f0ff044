import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, rmdir, statfs, writeFile } from 'node:fs/promises';
import { delimiter, join, relative, resolve } from 'node:path';
import { engineHome } from '@subtext/tensor/engine';
import { findTensorflow } from '../find-tensorflow';
import type { LoadedTensorflow } from '../load-tensorflow-package';
import { TensorError } from '@subtext/tensor';
import { compileBinding } from './compile-binding';
import { compileKernels } from './compile-kernels';
import { checkWritable, findCompiler, findExecutable } from './executables';
import { isRunning } from './is-running';
import { runCommand } from './run-command';
import { librariesAt, librariesThroughPython, placeLibraries } from './tensorflow-libraries';
import { verifyKernels, verifyTensorflow } from './verify-tensorflow';

/** The tfjs-node that fits the TensorFlow.js in use, and the headers its binding is compiled with. */
const packages = { '@tensorflow/tfjs-node': '4.22.0', 'node-api-headers': '1.9.0' };
/** Unpacked libraries and their download; CUDA's are larger. */
const neededBytes = { cpu: 1.5e9, gpu: 9e9 };

export interface InstallProgress {
  stage: 'look' | 'package' | 'download' | 'unpack' | 'compile' | 'verify' | 'done';
  message: string;
  /** Of this stage, 0 to 1, where it is known. */
  fraction: number | null;
}

export interface InstallTensorflowOptions {
  /**
   * `auto` or `wheel`: TensorFlow's Python wheel, whose files are checked against its checksums; `google`: tfjs-node's
   * own download, which nothing is known to check against, so that it is taken only by name; else the path of a wheel, a
   * folder of wheels or a `tensorflow` Python package. @default 'auto'
   */
  from?: string;
  /** For an NVIDIA GPU. @default false */
  gpu?: boolean;
  /** Where to install. @default see `engineHome` */
  home?: string;
  /** Install even if an installation already loads. @default false */
  force?: boolean;
  onProgress?: (progress: InstallProgress) => void;
  /** Stops the installation; nothing of it remains but finished downloads, which the next one uses. */
  signal?: AbortSignal;
}

export interface TensorflowInstallation extends LoadedTensorflow {
  /** `present`: one that already loads was left alone. */
  source: 'present' | 'google' | 'wheel';
  /** The tfjs-node package's folder. */
  folder: string;
  /** What was tried before, and why it did not do. */
  tried: { source: string; problem: string }[];
  /** Whether Subtext's own kernels are there; only for a processor. Without them the engine works, but slower. */
  kernels: { compiled: boolean; /** Why not. */ problem: string | null };
  /** What `SUBTEXT_ENGINES` has to be for the engine to be found; null where it is found as things are. */
  setEngines: string | null;
}

/** The `tensorflow` engine could not be installed; says all that was tried. */
export class InstallationError extends TensorError {
  override readonly name = 'InstallationError';
  readonly tried: TensorflowInstallation['tried'];

  constructor({ message, tried, cause }: { message: string; tried: TensorflowInstallation['tried']; cause?: unknown }) {
    super({ code: 'installation-failed', message, cause });
    this.tried = tried;
  }
}

/**
 * Gets the `tensorflow` engine working. An installation that already loads is left alone; else tfjs-node is placed in a
 * folder of Subtext's own with the libraries of the source, verified in a process of its own by a
 * matrix product and a gradient, and only then moved to its final place: nothing is ever half installed. Node only.
 *
 * @throws InstallationError with an account of what was tried and what to do.
 */
export async function installTensorflow({
  from = 'auto',
  gpu = false,
  home,
  force = false,
  onProgress = () => {},
  signal,
}: InstallTensorflowOptions = {}): Promise<TensorflowInstallation> {
  const tried: TensorflowInstallation['tried'] = [];
  const report = (stage: InstallProgress['stage'], message: string, fraction: number | null = null) =>
    onProgress({ stage, message, fraction });
  const folder = resolve(home ?? (await engineHome()));
  const setEngines = folder === (await engineHome()) ? null : folder;

  if (!force) {
    report('look', 'Looking for an installation that already loads');
    for (const location of await findTensorflow(home)) {
      try {
        const loaded = await verifyTensorflow({ packageFolder: location.folder, signal });
        if (!gpu || loaded.gpu) {
          const kernels = await addKernels({
            loaded,
            packageFolder: location.folder,
            home,
            force: false,
            signal,
            report,
          });
          report('done', `${location.packageName} in ${location.folder} works`, 1);
          return { ...loaded, source: 'present', folder: location.folder, tried, kernels, setEngines };
        }
        tried.push({ source: location.folder, problem: 'works, but not on a GPU' });
      } catch (error) {
        signal?.throwIfAborted();
        tried.push({ source: location.folder, problem: firstLine(error) });
      }
    }
  }

  const kind = gpu ? 'gpu' : 'cpu';
  const target = join(folder, `tensorflow-${kind}`);
  const stage = `${target}.partial-${process.pid}`;
  const source = from === 'auto' ? 'wheel' : from;
  await checkNeeds({ folder, source, tried });
  await removeLeftovers(folder);
  try {
    const { bavail, bsize } = await statfs(folder);
    if (bavail * bsize < neededBytes[kind]) {
      throw new InstallationError({
        message: `tensorflow: ${folder} has ${gigabytes(bavail * bsize)} free, ${gigabytes(neededBytes[kind])} are needed. Free some, or set SUBTEXT_ENGINES to a folder with more room.`,
        tried,
      });
    }
    report('package', 'Installing @tensorflow/tfjs-node without its libraries');
    const packageFolder = await installPackages(stage, signal, (line) => report('package', line)).catch(
      (error: unknown) => {
        throw new InstallationError({
          message: `tensorflow: npm could not install @tensorflow/tfjs-node (${firstLine(error)}). Check that npm works and reaches its registry.`,
          tried,
          cause: error,
        });
      },
    );
    try {
      if (source === 'google') {
        await downloadFromGoogle({ stage, packageFolder, gpu, signal, onLine: (line) => report('download', line) });
      } else {
        await takeFromWheel({
          path: source === 'wheel' ? null : source,
          stage,
          packageFolder,
          downloads: join(folder, 'downloads'),
          gpu,
          signal,
          report,
        });
      }
      report('verify', 'Computing a matrix product and a gradient');
      const loaded = await verifyTensorflow({ packageFolder, signal });
      if (gpu && !loaded.gpu) {
        throw new Error(
          'it loads, but finds no GPU: check the driver with nvidia-smi, and that CUDA’s libraries came with it.',
        );
      }
      await writeManifest({ stage, packageFolder, source, loaded });
      await moveInto({ stage, target });
      await rm(join(folder, 'downloads'), { recursive: true, force: true });
      const installed = join(target, relative(stage, packageFolder));
      const kernels = await addKernels({ loaded, packageFolder: installed, home, force: true, signal, report });
      report('done', `TensorFlow ${loaded.version} is installed in ${target}`, 1);
      return {
        ...loaded,
        source: source === 'google' ? 'google' : 'wheel',
        folder: installed,
        tried,
        kernels,
        setEngines,
      };
    } catch (error) {
      signal?.throwIfAborted();
      tried.push({ source, problem: firstLine(error) });
    }
    throw new InstallationError({ message: account(tried, gpu), tried });
  } finally {
    await rm(stage, { recursive: true, force: true });
    // Only finished downloads stay, for the next time.
    await rmdir(join(folder, 'downloads')).catch(() => {});
  }
}

/** What an installation cannot do without, found out before anything is downloaded. @throws InstallationError */
async function checkNeeds({
  folder,
  source,
  tried,
}: {
  folder: string;
  source: string;
  tried: TensorflowInstallation['tried'];
}): Promise<void> {
  const fail = (message: string, cause?: unknown): never => {
    throw new InstallationError({
      message: `tensorflow: ${message} Nothing was installed; the wasm engine needs none of this.`,
      tried,
      cause,
    });
  };
  await checkWritable(folder).catch((error: unknown) =>
    fail(`${folder} cannot be written to (${firstLine(error)}). Set SUBTEXT_ENGINES to a folder that can.`, error),
  );
  if ((await findExecutable('npm')) === null) fail('npm is not on the PATH; it fetches @tensorflow/tfjs-node.');
  if (source === 'google' || process.platform === 'win32') return;
  await findCompiler().catch((error: unknown) => fail(firstLine(error), error));
  if (source !== 'wheel') await librariesAt(source).catch((error: unknown) => fail(firstLine(error), error));
  else if (
    (await Promise.all((process.env.PYTHON ? [process.env.PYTHON] : ['python3', 'python']).map(findExecutable))).every(
      (found) => found === null,
    )
  ) {
    fail(
      'Python is not on the PATH; its pip fetches TensorFlow’s wheel. PYTHON names another one, or give a wheel with --from FILE.whl.',
    );
  }
}

/** Subtext's own kernels beside an installation that works. Without a compiler it stays as it is. */
async function addKernels({
  loaded,
  packageFolder,
  home,
  force,
  signal,
  report,
}: {
  loaded: LoadedTensorflow;
  packageFolder: string;
  home?: string;
  force: boolean;
  signal?: AbortSignal;
  report: (stage: InstallProgress['stage'], message: string) => void;
}): Promise<TensorflowInstallation['kernels']> {
  if (loaded.gpu) return { compiled: false, problem: 'they compute on a processor, and this TensorFlow has a GPU' };
  if (process.platform === 'win32') return { compiled: false, problem: 'they are not made for Windows' };
  try {
    report('compile', 'Compiling Subtext’s kernels (half a minute)');
    await compileKernels({
      packageFolder,
      home,
      force,
      signal,
      verify: (kernelsFile) => verifyKernels({ packageFolder, kernelsFile, signal }),
    });
    return { compiled: true, problem: null };
  } catch (error) {
    signal?.throwIfAborted();
    return { compiled: false, problem: firstLine(error) };
  }
}

/** tfjs-node and what it needs, but not its own copy of TensorFlow.js: it must run on the one in use. */
async function installPackages(
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
async function downloadFromGoogle({
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

async function takeFromWheel({
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

/** What makes the folder an installation: written last. */
async function writeManifest({
  stage,
  packageFolder,
  source,
  loaded,
}: {
  stage: string;
  packageFolder: string;
  source: string;
  loaded: LoadedTensorflow;
}): Promise<void> {
  const files: Record<string, string> = {};
  for (const top of ['lib', 'deps']) {
    for (const entry of await readdir(join(packageFolder, top), { recursive: true, withFileTypes: true })) {
      if (entry.isFile() && /\.(node|so|dylib)(\.\d+)*$/.test(entry.name)) {
        const path = join(entry.parentPath ?? entry.path, entry.name);
        const hash = createHash('sha256');
        for await (const chunk of createReadStream(path)) {
          hash.update(chunk as Buffer);
        }
        files[relative(stage, path)] = hash.digest('hex');
      }
    }
  }
  const file = await open(join(stage, 'subtext-engine.json'), 'w');
  await file.writeFile(
    JSON.stringify(
      {
        engine: 'tensorflow',
        tensorflow: loaded.version,
        gpu: loaded.gpu,
        source,
        packages,
        platform: process.platform,
        architecture: process.arch,
        sha256: files,
      },
      null,
      2,
    ),
  );
  await file.sync();
  await file.close();
}

async function moveInto({ stage, target }: { stage: string; target: string }): Promise<void> {
  const old = `${target}.partial-old-${process.pid}`;
  await rename(target, old).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') {
      throw error;
    }
  });
  await rename(stage, target);
  await rm(old, { recursive: true, force: true });
}

/** Folders of installations that were killed. */
async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const owner = /^tensorflow-(?:cpu|gpu)\.partial-(?:old-)?(\d+)$/.exec(name)?.[1];
    if (owner && !isRunning(Number(owner))) {
      await rm(join(folder, name), { recursive: true, force: true });
    }
  }
}

function account(tried: TensorflowInstallation['tried'], gpu: boolean): string {
  return [
    'tensorflow: no source worked. Tried:',
    ...tried.map(({ source, problem }) => `  ${source}: ${problem}`),
    'What to do:',
    `  wheel needs Python with pip and a C++ compiler (g++ or clang; CXX names another)${gpu ? ', and for a GPU the wheels of tensorflow[and-cuda]' : ''};`,
    '  or download a wheel of tensorflow for this platform elsewhere and give its path (--from FILE.whl);',
    '  or take tfjs-node’s own download, which is checked against nothing (--from google; it needs storage.googleapis.com, HTTPS_PROXY is honoured).',
    'The wasm engine needs none of this.',
  ].join('\n');
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0]!;
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
