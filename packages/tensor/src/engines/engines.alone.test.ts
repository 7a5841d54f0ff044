import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  describeEngines,
  EngineError,
  engineChoice,
  engineCapabilities,
  engineName,
  fusedKernels,
  registerEngine,
  registerFusedKernels,
  rememberSelfTest,
  TensorError,
  tf,
  useEngine,
} from '../index';
import type { Engine } from './engine';
import { wasmEngine } from './wasm/engine';

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('useEngine', () => {
  it('refuses an unknown name, listing the known ones', async () => {
    await expect(useEngine({ engine: 'cuda' as never })).rejects.toThrowError(
      /Unknown engine 'cuda'\. Known: auto, .*wasm.*cpu/,
    );
    for (const engine of ['cuda', 'constructor', '__proto__', 'toString'])
      await expect(useEngine({ engine: engine as never })).rejects.toMatchObject({ code: 'unknown-engine', engine });
  });

  it('takes an engine by name and says so', async () => {
    const choice = await useEngine({ engine: 'cpu' });
    expect(choice).toMatchObject({ name: 'cpu', reason: 'asked for by name', device: { kind: 'cpu' } });
    expect(engineName()).toBe('cpu');
    expect(engineChoice()).toBe(choice);
    expect(tf.getBackend()).toBe('cpu');
  });

  it('never takes cpu by itself', async () => {
    const choice = await useEngine({ engine: 'auto' });
    expect(choice.name).not.toBe('cpu');
    expect(choice.passedOver).toContainEqual({ name: 'cpu', reason: 'taken only by name' });
  });

  describe('with another engine', () => {
    let home = '';
    /** It computes as `cpu` does; what is said of it changes. */
    const abacus = {
      name: 'abacus',
      backend: 'cpu',
      summary: 'beads',
      capabilities: {
        threads: 'all',
        largestWeights: 10,
        largestMemory: 20,
        synchronousReads: true,
        dtypes: ['float32'],
        trainingState: 'engine',
      },
      installed: vi.fn<Engine['installed']>(),
      load: vi.fn<Engine['load']>(),
      preference: () => 100,
      startsTooSlowlyFor: ({ positions }: { positions: number }) => positions < 50_000,
      advice: () => null,
    } satisfies Engine;
    beforeEach(async () => {
      home = await mkdtemp(join(tmpdir(), 'subtext-engines-'));
      vi.stubEnv('SUBTEXT_ENGINES', home);
      abacus.installed.mockResolvedValue({ package: 'test', version: '0' });
      abacus.load.mockReset().mockResolvedValue({ kind: 'cpu', name: 'beads 1' });
      registerEngine(abacus);
    });
    afterEach(async () => {
      abacus.installed.mockResolvedValue(null);
      vi.restoreAllMocks();
      await rm(home, { recursive: true });
      await useEngine({ engine: 'cpu' });
    });
    const record = async () => JSON.parse(await readFile(join(home, 'self-tests.json'), 'utf8')) as unknown;

    it('says what it can do, where it is in use and by its name', async () => {
      await useEngine({ engine: 'wasm' });
      expect(engineCapabilities()).toMatchObject({ threads: 'one', largestWeights: 3.5 * 2 ** 30 });
      expect(engineCapabilities('abacus')).toBe(abacus.capabilities);
      expect(() => engineCapabilities('sand')).toThrowError(/Nothing is known of the engine 'sand'/);
    });

    it('does not start a slow one for little work, and starts it where nothing else runs', async () => {
      const little = { parameters: 5_000, positions: 14_000, trains: true };
      const choice = await useEngine({ engine: 'auto', work: little });
      expect(choice.name).toBe('wasm');
      expect(choice.passedOver).toContainEqual({
        name: 'abacus',
        reason: 'takes longer to start than this work takes',
      });
      expect(abacus.load).not.toHaveBeenCalled();
      // Much work, or nobody knows how much.
      for (const work of [{ parameters: 800_000, positions: 100_000 }, undefined])
        expect((await useEngine({ engine: 'auto', work })).name).toBe('abacus');
      vi.spyOn(wasmEngine, 'load').mockRejectedValue(new Error('no SIMD'));
      expect((await useEngine({ engine: 'auto', work: little })).name).toBe('abacus');
    });

    it('takes one on the processor once it has computed right here, and remembers that', async () => {
      await useEngine({ engine: 'wasm' });
      const backends = vi.spyOn(tf.engine(), 'setBackend');
      expect((await useEngine({ engine: 'auto' })).name).toBe('abacus');
      expect(await record()).toEqual({ passed: ['abacus: beads 1'] });
      // Tested on its own backend, and given back before the choice is made.
      expect(backends.mock.calls.map(([name]) => name)).toEqual(['cpu', 'wasm', 'cpu']);
      backends.mockClear();
      await useEngine({ engine: 'auto' });
      expect(backends.mock.calls.map(([name]) => name)).toEqual(['cpu']);
    });

    it('leaves one that computes wrong', async () => {
      await useEngine({ engine: 'wasm' });
      void tf.setBackend('cpu');
      const before = fusedKernels();
      void tf.setBackend('wasm');
      registerFusedKernels({
        backend: 'cpu',
        kernels: {
          layerNorm: {
            forward: ({ input }) => ({ output: tf.clone(input), mean: tf.zeros([1]), inverseDeviation: tf.zeros([1]) }),
            backward: ({ input, scale }) => ({ input, scale, bias: scale }),
          },
        },
      });
      const choice = await useEngine({ engine: 'auto' });
      registerFusedKernels({ backend: 'cpu', kernels: before });
      expect(choice.name).not.toBe('abacus');
      expect(choice.passedOver).toContainEqual({
        name: 'abacus',
        reason: 'it fails the self-test: `doctor --selftest` tells how',
      });
    });

    it('takes a GPU by itself only after it has passed the self-test on this machine', async () => {
      const device = { kind: 'gpu', name: 'Some GPU, TensorFlow 2' } as const;
      abacus.load.mockResolvedValue(device);
      expect((await useEngine({ engine: 'auto' })).passedOver).toContainEqual({
        name: 'abacus',
        reason: expect.stringContaining('doctor --selftest') as string,
      });
      expect((await describeEngines()).find(({ name }) => name === 'abacus')).toMatchObject({
        loads: true,
        automatic: false,
      });
      await rememberSelfTest({ engine: 'abacus', device, passed: true });
      expect((await useEngine({ engine: 'auto' })).name).toBe('abacus');
      await rememberSelfTest({ engine: 'abacus', device, passed: false });
      expect((await useEngine({ engine: 'auto' })).name).not.toBe('abacus');
      await writeFile(join(home, 'self-tests.json'), '{"passed": [null, 3]');
      expect((await useEngine({ engine: 'auto' })).name).not.toBe('abacus');
    });
  });

  it('lets SUBTEXT_ENGINE name the engine for auto, and a name in code win over it', async () => {
    vi.stubEnv('SUBTEXT_ENGINE', 'cpu');
    expect(await useEngine()).toMatchObject({ name: 'cpu', reason: 'named by SUBTEXT_ENGINE' });
    expect(await useEngine({ engine: 'wasm' })).toMatchObject({ name: 'wasm' });
    vi.stubEnv('SUBTEXT_ENGINE', 'sand');
    await expect(useEngine()).rejects.toThrowError(/Unknown engine 'sand' \(from SUBTEXT_ENGINE\)/);
  });

  it('prints nothing and leaves the process alone', async () => {
    const listeners = process.listenerCount('unhandledRejection');
    const log = vi.spyOn(console, 'log');
    const warn = vi.spyOn(console, 'warn');
    for (const name of ['cpu', 'wasm'] as const) {
      await useEngine({ engine: name });
      tf.tidy(() => tf.matMul(tf.ones([2, 2]), tf.ones([2, 2])).dataSync());
    }
    expect(log).not.toHaveBeenCalled();
    expect(warn).not.toHaveBeenCalled();
    expect(process.listenerCount('unhandledRejection')).toBe(listeners);
  });
});

describe('describeEngines', () => {
  it('reports each engine and changes nothing', async () => {
    await useEngine({ engine: 'cpu' });
    const reports = await describeEngines();
    expect(engineName()).toBe('cpu');
    const byName = Object.fromEntries(reports.map((report) => [report.name, report]));
    expect(byName.wasm).toMatchObject({
      installed: true,
      loads: true,
      automatic: true,
      problem: null,
      version: '4.22.0',
    });
    expect(byName.cpu).toMatchObject({ installed: true, loads: true, automatic: false });
    for (const report of reports) {
      expect(report.loads).toBe(report.problem === null);
    }
  });
});

describe('errors', () => {
  it('are recognised by their marker', async () => {
    const error = await useEngine({ engine: 'x' as never }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(EngineError);
    expect(TensorError.isInstance(error)).toBe(true);
    expect(TensorError.isInstance(new Error('x'))).toBe(false);
  });
});
