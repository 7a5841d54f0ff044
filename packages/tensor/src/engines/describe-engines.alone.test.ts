import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { tf } from '../tensorflow';
import { describeEngines } from './describe-engines';
import { engineName, useEngine } from './use-engine';
import { findPackage, packagePlaces } from './package-places';

const backendName = () => (tf.engine() as unknown as { backendName?: string }).backendName;

describe('describeEngines', () => {
  it('puts none in use where none was, and never touches the one that computes', async () => {
    expect(backendName()).toBeUndefined();
    // The first time: here each engine is loaded.
    await describeEngines();
    expect(backendName()).toBeUndefined();
    vi.resetModules();
  });

  it('leaves what computes meanwhile where it is', async () => {
    const fresh = await import('../index');
    await fresh.useEngine({ engine: 'cpu' });
    const { tf: same } = fresh;
    let running = true;
    const seen = new Set<string>();
    const computing = (async () => {
      while (running) {
        seen.add(same.getBackend());
        const sum = same.tidy(() => same.sum(same.ones([4])).dataSync()[0]);
        seen.add(String(sum));
        await new Promise(setImmediate);
      }
    })();
    await fresh.describeEngines();
    running = false;
    await computing;
    expect([...seen]).toEqual(['cpu', '4']);
    expect(fresh.engineName()).toBe('cpu');
    await fresh.useEngine({ engine: 'wasm' });
    expect(same.tidy(() => same.sum(same.ones([4])).dataSync()[0])).toBe(4);
  });

  it('keeps the engine that is in use', async () => {
    await useEngine({ engine: 'wasm' });
    await describeEngines();
    expect(engineName()).toBe('wasm');
  });
});

describe('where packages with code of their own come from', () => {
  let folder = '';
  let before = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'subtext-places-'));
    before = process.cwd();
  });
  afterEach(async () => {
    process.chdir(before);
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true });
  });

  const names = [
    '@subtext/engine-tensorflow',
    '@subtext/engine-webgpu',
    '@subtext/engine-abacus',
    '@tensorflow/tfjs-node',
    '@tensorflow/tfjs-node-gpu',
    '@tensorflow/tfjs-backend-webgpu',
    'webgpu',
  ];
  async function plant(place: string): Promise<void> {
    for (const name of names) {
      await mkdir(join(place, name), { recursive: true });
      await writeFile(join(place, name, 'package.json'), JSON.stringify({ name, version: '6.6.6', main: 'index.js' }));
      await writeFile(
        join(place, name, 'index.js'),
        `require('node:fs').writeFileSync(${JSON.stringify(join(folder, 'ran'))}, 'x')`,
      );
    }
  }

  it('is not the current folder, nor any above it, nor what a relative NODE_PATH names', async () => {
    await plant(join(folder, 'node_modules'));
    await plant(join(folder, 'deeper', 'node_modules'));
    process.chdir(join(folder, 'deeper'));
    vi.stubEnv('NODE_PATH', 'node_modules');
    vi.stubEnv('SUBTEXT_ENGINES', join(folder, 'engines'));
    vi.resetModules();
    const fresh = await import('../index');
    const reports = await fresh.describeEngines();
    for (const name of ['tensorflow', 'webgpu'])
      expect(reports.find((report) => report.name === name)?.version).not.toBe('6.6.6');
    expect(reports.map(({ name }) => name)).not.toContain('abacus');
    await expect(fresh.useEngine({ engine: 'abacus' })).rejects.toMatchObject({ code: 'unknown-engine' });
    await expect(readFile(join(folder, 'ran'))).rejects.toThrow();
    for (const place of await packagePlaces({ from: import.meta.url, also: [join(folder, 'engines')] }))
      expect(place.startsWith(join(folder, 'deeper'))).toBe(false);
  });

  it('is the package’s own project, what NODE_PATH names, and what is added', async () => {
    vi.stubEnv('NODE_PATH', join(folder, 'named'));
    const places = await packagePlaces({ from: import.meta.url, also: [join(folder, 'engines')] });
    expect(places.slice(-2)).toEqual([join(folder, 'named'), join(folder, 'engines')]);
    // In this repository: of the package, and of the workspace; nothing above it.
    const root = join(import.meta.dirname, '..', '..', '..', '..');
    expect(places).toContain(join(root, 'packages', 'tensor', 'node_modules'));
    expect(places).toContain(join(root, 'node_modules'));
    expect(places).not.toContain(join(root, '..', 'node_modules'));
    await plant(join(folder, 'named'));
    expect(await findPackage({ name: 'webgpu', places })).toMatchObject({
      version: '6.6.6',
      folder: join(folder, 'named', 'webgpu'),
    });
    expect(await findPackage({ name: 'absent', places })).toBeNull();
  });
});
