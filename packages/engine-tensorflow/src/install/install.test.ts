import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { installTensorflow } from './install-tensorflow';
import { InstallationError, type InstallProgress } from './installation';
import { makeWheel } from './make-wheel';
import { runCommand } from '@subtext/native-kernels';
import { librariesAt } from './tensorflow-libraries';
import { unpackWheel } from './wheel';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'subtext-install-'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

const tensorflowFiles = {
  'tensorflow/libtensorflow_cc.so.2': 'library',
  'tensorflow/libtensorflow_framework.so.2': 'framework',
  'tensorflow/include/tensorflow/c/c_api.h': 'header',
  'tensorflow/python/big.py': 'not wanted',
};

async function writeWheel(options?: { spoil?: string }): Promise<string> {
  const file = join(folder, 'tensorflow-2.21.0-any.whl');
  await writeFile(file, makeWheel(tensorflowFiles, options));
  return file;
}

describe('unpackWheel', () => {
  it('unpacks what is chosen', async () => {
    const target = join(folder, 'out');
    const fractions: number[] = [];
    const names = await unpackWheel({
      file: await writeWheel(),
      folder: target,
      choose: (name) => (name.includes('.so') ? name : null),
      onProgress: (fraction) => fractions.push(fraction),
    });
    expect(names).toHaveLength(2);
    expect(await readFile(join(target, 'tensorflow/libtensorflow_cc.so.2'), 'utf8')).toBe('library');
    expect(await readdir(join(target, 'tensorflow'))).not.toContain('python');
    expect(fractions.at(-1)).toBe(1);
  });

  it('refuses a file that does not match its checksum', async () => {
    const file = await writeWheel({ spoil: 'tensorflow/libtensorflow_cc.so.2' });
    await expect(
      unpackWheel({
        file,
        folder: join(folder, 'out'),
        choose: (name) => (name.startsWith('tensorflow') ? name : null),
      }),
    ).rejects.toThrowError(/libtensorflow_cc\.so\.2 does not have the checksum/);
  });

  it('refuses what is no wheel', async () => {
    const file = join(folder, 'x.whl');
    await writeFile(file, 'not a zip');
    await expect(unpackWheel({ file, folder, choose: (name) => name })).rejects.toThrowError();
  });

  it('writes nothing outside its folder', async () => {
    const file = await writeWheel();
    for (const target of ['../escaped', '../out-beside/x']) {
      await expect(unpackWheel({ file, folder: join(folder, 'out'), choose: () => target })).rejects.toThrowError(
        /outside/,
      );
    }
  });
});

describe('librariesAt', () => {
  it('knows a wheel, a folder of wheels, the package and the folder it lies in', async () => {
    const file = await writeWheel();
    expect(await librariesAt(file)).toEqual({ kind: 'wheels', files: [file] });
    expect(await librariesAt(folder)).toEqual({ kind: 'wheels', files: [file] });
    const package_ = join(folder, 'site', 'tensorflow');
    await mkdir(package_, { recursive: true });
    await writeFile(join(package_, 'libtensorflow_cc.so.2'), '');
    expect(await librariesAt(package_)).toEqual({ kind: 'folder', folder: package_ });
    expect(await librariesAt(join(folder, 'site'))).toEqual({ kind: 'folder', folder: package_ });
  });

  it('says what is wrong with a path', async () => {
    await expect(librariesAt(join(folder, 'nothing'))).rejects.toThrowError(/does not exist/);
    await mkdir(join(folder, 'empty'));
    await expect(librariesAt(join(folder, 'empty'))).rejects.toThrowError(/neither TensorFlow's libraries/);
    await writeFile(join(folder, 'a.txt'), '');
    await expect(librariesAt(join(folder, 'a.txt'))).rejects.toThrowError(/neither a wheel/);
  });
});

// Shell scripts stand for npm and the compiler.
describe.skipIf(process.platform === 'win32')('installTensorflow', () => {
  const home = () => join(folder, 'home');

  /** A command first on the PATH. */
  async function fake(name: string, script: string): Promise<string> {
    const bin = join(folder, 'bin');
    await mkdir(bin, { recursive: true });
    await writeFile(join(bin, name), `#!/bin/sh\n${script}\n`);
    await chmod(join(bin, name), 0o755);
    vi.stubEnv('PATH', `${bin}${delimiter}${process.env.PATH}`);
    return join(bin, name);
  }

  const fakePackage = `mkdir -p node_modules/@tensorflow/tfjs-node/binding node_modules/.bin node_modules/node-api-headers/include
    echo '{"name":"@tensorflow/tfjs-node","version":"4.22.0","main":"index.js"}' > node_modules/@tensorflow/tfjs-node/package.json`;

  it('leaves nothing behind and says what was tried when npm fails', async () => {
    await fake('npm', 'echo "npm error network unreachable: no route" >&2; exit 1');
    const error = await installTensorflow({ home: home(), force: true }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(InstallationError);
    expect(error).toMatchObject({ code: 'installation-failed' });
    expect((error as Error).message).toMatch(/npm could not install .*network unreachable/);
    expect(await readdir(home())).toEqual([]);
  });

  it('finds out at once what is missing, before npm is asked for anything', async () => {
    await fake('npm', 'touch "$0.called"; exit 1');
    const called = () => readdir(join(folder, 'bin')).then((names) => names.includes('npm.called'));
    const wheel = await writeWheel();
    const refused = async (expected: RegExp, options: object = {}) => {
      const error = await installTensorflow({ home: home(), force: true, from: wheel, ...options }).catch(
        (caught: unknown) => caught,
      );
      expect(error).toBeInstanceOf(InstallationError);
      expect((error as Error).message).toMatch(expected);
      expect(await called()).toBe(false);
    };
    vi.stubEnv('CXX', 'no-such-ccache g++');
    await refused(/no C\+\+ compiler: no-such-ccache is not on the PATH \(CXX is "no-such-ccache g\+\+"\)/);
    vi.stubEnv('CXX', join(folder, 'no compiler'));
    await refused(/no C\+\+ compiler/);
    vi.stubEnv('CXX', await fake('compiler', 'exit 0'));
    await refused(/nothing\.whl does not exist/, { from: join(folder, 'nothing.whl') });
    await writeFile(join(folder, 'file'), '');
    await refused(/file\/home cannot be written to.*SUBTEXT_ENGINES/, { home: join(folder, 'file', 'home') });
    vi.stubEnv('PYTHON', 'no-such-python');
    await refused(/Python is not on the PATH/, { from: 'auto' });
    vi.stubEnv('PATH', join(folder, 'file'));
    await refused(/npm is not on the PATH/);
  });

  it('takes a compiler with arguments, as make does', async () => {
    const args = join(folder, 'args');
    const compiler = await fake('compiler', `printf '%s\\n' "$@" > '${args}'; exit 3`);
    await fake('npm', fakePackage);
    for (const [cxx, first] of [
      [`${compiler} --wrapped "two words"`, ['--wrapped', 'two words', '-O2']],
      ['compiler', ['-O2']],
    ] as const) {
      vi.stubEnv('CXX', cxx);
      const error = (await installTensorflow({ home: home(), force: true, from: await writeWheel() }).catch(
        (caught: unknown) => caught,
      )) as InstallationError;
      expect(error.tried[0]!.problem).toMatch(/ended with 3/);
      expect((await readFile(args, 'utf8')).split('\n').slice(0, first.length)).toEqual(first);
    }
  });

  it('runs Python away from the current folder, without modules of the user', async () => {
    const calls = join(folder, 'calls');
    await fake('npm', fakePackage);
    vi.stubEnv(
      'PYTHON',
      await fake(
        'some-python',
        `echo "$PWD $*" >> '${calls}'; case "$*" in *--version*) exit 0;; esac; echo "error: no network" >&2; exit 1`,
      ),
    );
    vi.stubEnv('CXX', await fake('compiler', 'exit 0'));
    const error = (await installTensorflow({ home: home(), force: true }).catch(
      (caught: unknown) => caught,
    )) as InstallationError;
    expect(error.tried).toEqual([{ source: 'wheel', problem: expect.stringContaining('no network') as string }]);
    const lines = (await readFile(calls, 'utf8')).trim().split('\n');
    expect(lines.length).toBeGreaterThan(2);
    for (const line of lines) expect(line).toMatch(/\/home\/downloads -I /);
  });

  it('leaves nothing behind when the compiler fails, and gives its error', async () => {
    await fake('npm', fakePackage);
    vi.stubEnv(
      'CXX',
      await fake('broken-compiler', 'echo "binding/tfjs_backend.cc:1: fatal error: no such thing" >&2; exit 1'),
    );
    const stages: InstallProgress['stage'][] = [];
    const error = (await installTensorflow({
      home: home(),
      force: true,
      from: await writeWheel(),
      onProgress: ({ stage }) => stages.push(stage),
    }).catch((caught: unknown) => caught)) as InstallationError;
    expect(error.tried).toHaveLength(1);
    expect(error.tried[0]!.problem).toMatch(/fatal error: no such thing/);
    expect(error.message).toMatch(/What to do:[^]*wasm engine needs none/);
    expect([...new Set(stages)]).toEqual(['package', 'unpack', 'compile']);
    expect(await readdir(home())).toEqual([]);
  });

  it('does not take an installation that does not compute, and keeps the one there was', async () => {
    await fake('npm', fakePackage);
    vi.stubEnv('CXX', await fake('compiler', 'exit 0'));
    await mkdir(join(home(), 'tensorflow-cpu'), { recursive: true });
    await writeFile(join(home(), 'tensorflow-cpu', 'old'), 'kept');
    const error = (await installTensorflow({ home: home(), force: true, from: await writeWheel() }).catch(
      (caught: unknown) => caught,
    )) as InstallationError;
    expect(error).toBeInstanceOf(InstallationError);
    expect(error.tried[0]!.problem).toMatch(/Cannot find module/);
    expect(await readdir(home())).toEqual(['tensorflow-cpu']);
    expect(await readFile(join(home(), 'tensorflow-cpu', 'old'), 'utf8')).toBe('kept');
  });

  it('puts an installation that computes in its place, with checksums, and then leaves it alone', async () => {
    // A package that registers plain JavaScript under the name: everything but TensorFlow itself is real.
    const main = `const tf = require('@tensorflow/tfjs');
      tf.registerBackend('tensorflow', () => Object.assign(tf.findBackendFactory('cpu')(), { binding: { TF_Version: '0.0.1' }, isUsingGpuDevice: false, firstUse: false }));
      tf.getKernelsForBackend('cpu').forEach((kernel) => tf.registerKernel({ ...kernel, backendName: 'tensorflow' }));
      tf.setBackend('tensorflow');`;
    await writeFile(join(folder, 'main.js'), main);
    await fake('npm', `${fakePackage}\ncp '${join(folder, 'main.js')}' node_modules/@tensorflow/tfjs-node/index.js`);
    vi.stubEnv('CXX', await fake('compiler', 'exit 0'));
    const wheel = await writeWheel();
    const first = await installTensorflow({ home: home(), force: true, from: wheel });
    expect(first).toMatchObject({
      setEngines: home(),
      source: 'wheel',
      version: '0.0.1',
      gpu: false,
      folder: join(home(), 'tensorflow-cpu', 'node_modules', '@tensorflow', 'tfjs-node'),
    });
    const manifest = JSON.parse(await readFile(join(home(), 'tensorflow-cpu', 'subtext-engine.json'), 'utf8')) as {
      sha256: Record<string, string>;
    };
    expect(Object.keys(manifest.sha256).filter((name) => name.includes('libtensorflow'))).toHaveLength(2);
    // The compiler made nothing, so the engine does without the kernels; of them nothing is left.
    expect(first.kernels).toMatchObject({
      compiled: false,
      problem: expect.stringMatching(/(baseline|avx2|avx512)\.o/) as string,
    });
    expect(await readdir(home())).toEqual(['tensorflow-cpu']);
    vi.stubEnv('CXX', await fake('broken-compiler', 'echo "kernels.cc:7: error: no such type" >&2; exit 1'));
    // A compilation that was killed leaves a folder, which the next one removes.
    await mkdir(join(home(), 'tensorflow-kernels', 'abc.partial-999999999'), { recursive: true });
    const second = await installTensorflow({ home: home(), from: wheel });
    expect(second.source).toBe('present');
    expect(second.kernels.problem).toMatch(/kernels\.cc:7: error: no such type/);
    expect(await readdir(home())).toEqual(['tensorflow-cpu']);
  });

  it('does not wait for the limit of a command that cannot be started', async () => {
    const before = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    await expect(
      runCommand({ command: join(folder, 'absent'), args: [], folder, timeoutMilliseconds: 600_000 }),
    ).rejects.toThrowError(/cannot be started/);
    expect(process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length).toBe(before);
    await expect(
      runCommand({
        command: process.execPath,
        args: ['-e', 'setTimeout(() => {}, 60_000)'],
        folder,
        timeoutMilliseconds: 200,
      }),
    ).rejects.toThrowError(/was stopped by SIGTERM/);
  });

  it('stops when told to, leaving nothing behind', async () => {
    await fake('npm', 'exec sleep 30');
    const controller = new AbortController();
    const installation = installTensorflow({
      home: home(),
      force: true,
      signal: controller.signal,
      onProgress: ({ stage }) => stage === 'package' && controller.abort(),
    });
    await expect(installation).rejects.toThrowError();
    expect(await readdir(home())).toEqual([]);
  });
});
