import { constants } from 'node:fs';
import { copyFile, mkdir, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { CommandError, runCommand } from '@subtext/native-kernels';
import { unpackWheel } from './wheel';

/** The wheel that the binding was last compiled against and tested with. */
const tensorflowVersion = '2.21.0';

/** Libraries that the binding needs, and the C headers it includes; names relative to the `tensorflow` package. */
const library = /^libtensorflow_(cc|framework)\.(so|\d+\.dylib|dylib)(\.\d+)*$/;
const header =
  /^include\/(tensorflow\/c\/|xla\/tsl\/c\/|tsl\/c\/|(tensorflow\/core|tensorflow\/tsl|tsl|xla\/tsl)\/platform\/ctstring)/;

/** No modules of the current folder, of PYTHONPATH or of the user: `pip.py` beside a run would else be run in place of pip. */
const isolated = ['-I'];

/** Where TensorFlow's libraries can be taken from. */
export type LibrarySource = { kind: 'wheels'; files: string[] } | { kind: 'folder'; folder: string };

/** A wheel, a folder of wheels, a `tensorflow` package's folder or the folder it lies in. @throws Error */
export async function librariesAt(path: string): Promise<LibrarySource> {
  const found = await stat(path).catch(() => null);
  if (!found) {
    throw new Error(`${path} does not exist.`);
  }
  if (found.isFile()) {
    if (!path.endsWith('.whl')) {
      throw new Error(`${path} is neither a wheel (.whl) nor a folder.`);
    }
    return { kind: 'wheels', files: [path] };
  }
  const names = await readdir(path);
  if (names.some((name) => library.test(name))) {
    return { kind: 'folder', folder: path };
  }
  if (names.includes('tensorflow') && (await readdir(join(path, 'tensorflow'))).some((name) => library.test(name))) {
    return { kind: 'folder', folder: join(path, 'tensorflow') };
  }
  const wheels = names.filter((name) => /^(tensorflow|nvidia_).*\.whl$/.test(name)).map((name) => join(path, name));
  if (wheels.some((file) => basename(file).startsWith('tensorflow'))) {
    return { kind: 'wheels', files: wheels };
  }
  throw new Error(`${path} holds neither TensorFlow's libraries (libtensorflow_cc) nor its wheel.`);
}

/**
 * TensorFlow through Python: the package if it is installed there, else its wheel by `pip download`, which keeps in
 * `downloads` what it has.
 *
 * @throws CommandError, Error
 */
export async function librariesThroughPython({
  gpu,
  downloads,
  onLine,
  signal,
}: {
  gpu: boolean;
  downloads: string;
  onLine: (line: string) => void;
  signal?: AbortSignal;
}): Promise<LibrarySource> {
  await mkdir(downloads, { recursive: true });
  const python = await findPython({ folder: downloads, signal });
  if (!gpu) {
    const find =
      "import importlib.util as u; s = u.find_spec('tensorflow'); print(list(s.submodule_search_locations)[0] if s and s.submodule_search_locations else '')";
    const folder = (
      await runCommand({ command: python, args: [...isolated, '-c', find], folder: downloads, signal }).catch(() => '')
    ).trim();
    const installed = folder ? await librariesAt(folder).catch(() => null) : null;
    if (installed) {
      return installed;
    }
  }
  const names = gpu
    ? ['tensorflow[and-cuda]']
    : process.platform === 'linux' && process.arch === 'x64'
      ? ['tensorflow-cpu', 'tensorflow']
      : ['tensorflow'];
  let problem: unknown = null;
  for (const requirement of names.flatMap((name) => [`${name}==${tensorflowVersion}`, name])) {
    const folder = join(downloads, requirement.replace(/[^\w.-]+/g, '-'));
    try {
      onLine(`pip download ${requirement}`);
      await runCommand({
        command: python,
        folder: downloads,
        args: [
          ...isolated,
          '-m',
          'pip',
          'download',
          '--disable-pip-version-check',
          '--progress-bar',
          'off',
          '--retries',
          '1',
          '--only-binary',
          ':all:',
          ...(gpu ? [] : ['--no-deps']),
          '--dest',
          folder,
          requirement,
        ],
        onLine,
        signal,
      });
      return await librariesAt(folder);
    } catch (error) {
      if (signal?.aborted) {
        throw error;
      }
      problem ??= error;
    }
  }
  throw problem;
}

/**
 * Puts libraries and headers into `target`, as `tensorflow/` and, for a GPU, `nvidia/` beside it: the libraries look
 * for CUDA there.
 *
 * @throws Error if a wheel is damaged or something is missing.
 */
export async function placeLibraries({
  source,
  target,
  onProgress,
}: {
  source: LibrarySource;
  target: string;
  onProgress: (fraction: number) => void;
}): Promise<void> {
  if (source.kind === 'wheels') {
    for (const file of source.files) {
      await unpackWheel({ file, folder: target, choose: (name) => wanted(name), onProgress });
    }
  } else {
    await copyWanted({ from: source.folder, to: join(target, 'tensorflow'), prefix: 'tensorflow/' });
    const nvidia = join(dirname(source.folder), 'nvidia');
    if (await stat(nvidia).catch(() => null)) {
      await copyWanted({ from: nvidia, to: join(target, 'nvidia'), prefix: 'nvidia/' });
    }
  }
  const names = await readdir(join(target, 'tensorflow')).catch(() => []);
  if (!names.some((name) => library.test(name))) {
    throw new Error(
      `${source.kind === 'wheels' ? source.files.join(', ') : source.folder} holds no libtensorflow_cc for ${process.platform}.`,
    );
  }
}

function wanted(name: string): string | null {
  if (/^nvidia\/.*\/lib\/lib[^/]+\.so(\.\d+)*$/.test(name)) {
    return name;
  }
  const inside = name.startsWith('tensorflow/') ? name.slice('tensorflow/'.length) : '';
  return library.test(inside) || header.test(inside) ? name : null;
}

async function copyWanted({ from, to, prefix }: { from: string; to: string; prefix: string }): Promise<void> {
  for (const entry of await readdir(from, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath ?? entry.path, entry.name);
    const relative = path.slice(from.length + 1).replaceAll('\\', '/');
    if (!entry.isDirectory() && wanted(prefix + relative)) {
      await mkdir(dirname(join(to, relative)), { recursive: true });
      // Shares blocks with the original where the file system can.
      await copyFile(path, join(to, relative), constants.COPYFILE_FICLONE);
    }
  }
}

async function findPython({ folder, signal }: { folder: string; signal?: AbortSignal }): Promise<string> {
  for (const command of process.env.PYTHON ? [process.env.PYTHON] : ['python3', 'python']) {
    try {
      await runCommand({
        command,
        args: [...isolated, '-m', 'pip', '--version'],
        folder,
        timeoutMilliseconds: 60_000,
        signal,
      });
      return command;
    } catch (error) {
      if (!(error instanceof CommandError)) {
        throw error;
      }
    }
  }
  throw new Error('no Python with pip was found (python3, python; the PYTHON variable names another).');
}
