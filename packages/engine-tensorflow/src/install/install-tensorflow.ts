import { rm, rmdir, statfs } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { engineHome } from '@subtext/tensor/engine';

import { findTensorflow } from '../find-tensorflow';
import type { LoadedTensorflow } from '../load-tensorflow-package';
import { compileKernels } from './compile-kernels';
import { verifyKernels, verifyTensorflow } from './verify-tensorflow';
import { firstLine } from './first-line';
import { checkNeeds } from './check-needs';
import { type InstallProgress, type TensorflowInstallation, InstallationError } from './installation';
import { installPackages, downloadFromGoogle, takeFromWheel } from './fill-package';
import { writeManifest, moveInto, removeLeftovers } from './installation-folder';

/** Unpacked libraries and their download; CUDA's are larger. */
const neededBytes = { cpu: 1.5e9, gpu: 9e9 };

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
  /** Install even if an existing installation loads. @default false */
  force?: boolean;
  onProgress?: (progress: InstallProgress) => void;
  /** Aborts the installation; only finished downloads remain, for reuse. */
  signal?: AbortSignal;
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

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
