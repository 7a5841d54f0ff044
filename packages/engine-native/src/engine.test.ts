import { copyFile, mkdir, mkdtemp, open, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  AdamW,
  attention,
  crossEntropy,
  embedding,
  engineCapabilities,
  engineMemory,
  linear,
  Parameters,
  tf,
  useEngine,
} from '@subtext/tensor';
import { nativeEngine } from './engine';
import { compiledFile, findLibrary, ownSources } from './library-file';

// Right numbers are the parity suite's concern; here is what else the engine promises. Only where it is compiled.
const present = (await nativeEngine.installed()) !== null;

describe.skipIf(!present)('kernels on the memory of wasm', () => {
  beforeAll(async () => void (await useEngine({ engine: 'native' })));

  it('take tensors of another engine along, and give them back', async () => {
    await useEngine({ engine: 'wasm' });
    const made = tf.tensor2d([
      [1, 2],
      [3, 4],
    ]);
    const weight = tf.tensor2d([
      [1, 0],
      [0, 2],
    ]);
    await useEngine({ engine: 'native' });
    const product = linear({ input: made, weight });
    expect([...product.dataSync()]).toEqual([1, 4, 3, 8]);
    await useEngine({ engine: 'wasm' });
    expect([...tf.add(product, made).dataSync()]).toEqual([2, 6, 6, 12]);
    await useEngine({ engine: 'cpu' });
    expect([...tf.matMul(product, weight).dataSync()]).toEqual([1, 8, 3, 16]);
    await useEngine({ engine: 'native' });
    tf.dispose([made, weight, product]);
  });

  it('work on while the memory grows under them', () => {
    const before = tf.memory().numTensors;
    const ones = tf.ones<tf.Rank.R2>([64, 64]);
    for (let size = 1; size <= 64; size *= 2) {
      // Megabytes that the memory has not had: the next output makes it grow between two tensors of one call.
      const block = tf.zeros([size, 2 ** 18]);
      const product = linear({ input: ones, weight: ones });
      expect(product.dataSync().every((value) => value === 64)).toBe(true);
      tf.dispose([block, product]);
    }
    ones.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('say that memory is exhausted, lose nothing, and go on', () => {
    const before = tf.memory().numTensors;
    const table = tf.ones<tf.Rank.R2>([4, 2 ** 20]);
    const ids = tf.zeros([1100], 'int32') as tf.Tensor1D;
    expect(() => tf.tidy(() => embedding({ table, ids }))).toThrow(/no 4400\.0 MB left/);
    expect(tf.memory().numTensors).toBe(before + 2);
    expect(embedding({ table, ids: tf.tensor1d([3], 'int32') }).dataSync()[7]).toBe(1);
    tf.dispose([table, ids]);
    tf.disposeVariables();
  });

  it('name an id or a label that lies outside', () => {
    tf.tidy(() => {
      const table = tf.ones<tf.Rank.R2>([4, 3]);
      expect(() => embedding({ table, ids: tf.tensor1d([0, 4], 'int32') })).toThrow(/The id 4 at place 1/);
      expect(() => crossEntropy({ logits: table, labels: tf.tensor1d([0, -100, 3, 2], 'int32') })).toThrow(
        /The label 3 at place 2/,
      );
    });
  });

  it('pass on what is no number, in its row alone', () => {
    tf.tidy(() => {
      const logits = tf.tensor2d([
        [1, NaN, 2],
        [1, 2, 3],
      ]);
      const losses = crossEntropy({ logits, labels: tf.tensor1d([0, 2], 'int32') }).dataSync();
      expect(losses[0]).toBeNaN();
      expect(losses[1]).toBeCloseTo(0.4076, 4);
    });
  });

  it('change variables in place, and keep no tensor', () => {
    const parameters = new Parameters();
    parameters.add({ name: 'weight', value: tf.ones([8, 8]) });
    const optimizer = new AdamW({ parameters, learningRate: 0.1, weightDecay: 0 });
    const gradient = tf.ones([8, 8]);
    optimizer.step({ gradients: { weight: gradient } });
    const before = tf.memory().numTensors;
    optimizer.step({ gradients: { weight: gradient } });
    expect(parameters.get('weight').dataSync()[0]).toBeCloseTo(0.8, 4);
    expect(tf.memory().numTensors).toBe(before);
    optimizer.dispose();
    parameters.dispose();
    gradient.dispose();
  });

  it('use all threads, and say so', () => {
    expect(engineCapabilities()).toMatchObject({ threads: 'all', synchronousReads: true });
  });

  it('give the same bytes with any number of threads', async () => {
    const program = `
      import { attention, linear, tf, useEngine, valueAndGradients } from '@subtext/tensor';
      import { createHash } from 'node:crypto';
      const { device } = await useEngine({ engine: 'native' });
      const random = (shape, seed) => tf.randomNormal(shape, 0, 1, 'float32', seed);
      const input = random([600, 130], 1), weight = random([260, 130], 2), query = random([3, 70, 64], 3);
      const product = linear({ input, weight, activation: 'gelu' });
      const seen = attention({ query, key: query, value: query, heads: 4, causal: true });
      const [gradient] = tf.grads((x) => tf.sum(linear({ input, weight: x, activation: 'silu' })))([weight]);
      const hash = createHash('sha256');
      for (const tensor of [product, seen, gradient]) hash.update(new Uint8Array(tensor.dataSync().buffer));
      console.log(JSON.stringify([device.name.split(', ').at(-1), hash.digest('hex')]));
    `;
    const folder = join(import.meta.dirname, '..');
    const runs = ['1', '2', '5'].map((threads) => {
      const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
        cwd: folder,
        encoding: 'utf8',
        env: { ...process.env, SUBTEXT_THREADS: threads },
      });
      return JSON.parse(stdout || JSON.stringify(stderr)) as [string, string];
    });
    expect(runs.map(([threads]) => threads)).toEqual(['1 thread', '2 threads', '5 threads']);
    expect(new Set(runs.map(([, hash]) => hash)).size).toBe(1);
  });

  it('compute right in several worker threads at once, each on memory of its own', async () => {
    const program = `
      const { parentPort } = require('node:worker_threads');
      (async () => {
        const { linear, tf, useEngine } = await import(${JSON.stringify(pathToFileURL(join(import.meta.dirname, '../../tensor/dist/index.js')).href)});
        await useEngine({ engine: 'native' });
        const input = tf.randomNormal([700, 130], 0, 1, 'float32', 1);
        const weight = tf.randomNormal([260, 130], 0, 1, 'float32', 2);
        const sums = new Set();
        for (let round = 0; round < 40; round++)
          sums.add(tf.tidy(() => tf.sum(linear({ input, weight, activation: 'gelu' })).dataSync()[0]));
        parentPort.postMessage([...sums]);
      })();`;
    const sums = await Promise.all(
      [1, 2, 3].map(
        () =>
          new Promise<number[]>((resolve, reject) => {
            const worker = new Worker(program, { eval: true });
            worker.once('message', (message: number[]) => void worker.terminate().then(() => resolve(message)));
            worker.once('error', reject);
          }),
      ),
    );
    expect(new Set(sums.flat()).size).toBe(1);
  });

  describe('reading weights', () => {
    let folder = '';
    beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'subtext-native-'))));
    afterEach(async () => rm(folder, { recursive: true }));

    it('widens them where they lie, and refuses a file that ends before', async () => {
      await useEngine({ engine: 'native' });
      const file = join(folder, 'numbers');
      await writeFile(file, new Uint8Array(Uint16Array.of(0, 0x3f80, 0xc000, 0x7f80).buffer));
      const handle = await open(file);
      const read = (position: number, count: number) =>
        engineMemory().read!({ descriptor: handle.fd, position, dtype: 'BF16', shape: [count] });
      const tensor = (await read(2, 3))!;
      expect([...tensor.dataSync()]).toEqual([1, -2, Infinity]);
      const before = tf.memory().numTensors;
      expect(await read(4, 3)).toBeNull();
      expect(tf.memory().numTensors).toBe(before);
      tensor.dispose();
      await handle.close();
    });
  });

  describe('a library that is not what it should be', () => {
    let home = '';
    beforeEach(async () => {
      home = await mkdtemp(join(tmpdir(), 'subtext-native-'));
      const found = await findLibrary();
      const place = await compiledFile({ sources: ownSources()!, home });
      await mkdir(dirname(place), { recursive: true });
      await copyFile(found.file!, place);
      await copyFile(join(dirname(found.file!), 'library.json'), join(dirname(place), 'library.json'));
      vi.stubEnv('SUBTEXT_ENGINES', home);
    });
    afterEach(async () => {
      vi.unstubAllEnvs();
      await rm(home, { recursive: true });
    });
    const place = () => compiledFile({ sources: ownSources()!, home });

    it('is used where it is whole', async () => {
      expect(await findLibrary()).toEqual({ file: await place(), origin: 'compiled' });
    });

    it('is left alone where it was cut short', async () => {
      await truncate(await place(), 100_000);
      expect(await findLibrary()).toMatchObject({ file: null, reason: expect.stringMatching(/cut short/) });
      expect(await nativeEngine.installed()).toBeNull();
    });

    it('is left alone where it was compiled from other sources', async () => {
      const description = join(dirname(await place()), 'library.json');
      const { bytes } = JSON.parse(await readFile(description, 'utf8')) as { bytes: number };
      await writeFile(description, JSON.stringify({ sources: 'others', bytes }));
      expect(await findLibrary()).toMatchObject({ file: null, reason: expect.stringMatching(/other sources/) });
    });

    it('is one clear error where it is for another processor', async () => {
      const file = await place();
      // An ELF header names the machine at byte 18; 183 is arm64, 62 x64.
      const handle = await open(file, 'r+');
      await handle.write(Uint8Array.of(process.arch === 'x64' ? 183 : 62), 0, 1, 18);
      await handle.close();
      vi.resetModules();
      const { nativeEngine: fresh } = await import('./engine');
      await expect(fresh.load()).rejects.toThrow(/native: .*does not load \(.+\)\. (Compile|Install)/);
    });
  });
});

it('attention without a kernel for an option is composed', async () => {
  await useEngine({ engine: present ? 'native' : 'wasm' });
  const capped = tf.tidy(() => {
    const query = tf.tensor3d([1, 2, 3, 4], [1, 2, 2]);
    return attention({ query, key: query, value: query, heads: 1, causal: true, softCap: 1 }).dataSync();
  });
  expect(capped[0]).toBeCloseTo(1, 5);
});
